export { readForVariables } from "./bodies/body-variables.ts";
export { ConsumerIndex } from "./consumer-index.ts";
export { definePlugin, type PluginDefinition, type PluginEntry } from "./define-plugin.ts";
export { requestMetrics } from "./metrics/request-metrics.ts";
export { parseClientAddress } from "./real-ip.ts";
export { type Plugins, plugins } from "./registry.ts";
