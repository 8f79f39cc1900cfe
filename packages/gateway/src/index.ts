export { chainIdOf } from "./config/chain-index.ts";
export { type OpenTargets, openStoredTargets, openTargets } from "./config/open-targets.ts";
export type { GatewayStatus } from "./control/control-plane.ts";
export { displayUrl, type ListenAddress, listenErrors, parseListen } from "./listen.ts";
export { createLog, type Log } from "./log.ts";
export { type EnvironmentVariable, environmentVariables } from "./settings/environment.ts";
export { resolveSettings, type SettingsSources } from "./settings/resolve-settings.ts";
export {
  defaults as defaultSettings,
  defineGateway,
  type PartialSettings,
  type Settings,
  SettingsSchema,
} from "./settings/settings.ts";
export { type Gateway, type GatewayOptions, startGateway, version } from "./start-gateway.ts";
