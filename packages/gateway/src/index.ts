export { chainIdOf } from "./config/chain-index.ts";
export { type OpenTargets, openStoredTargets, openTargets } from "./config/open-targets.ts";
export type { ControlPlane, GatewayStatus } from "./control/control-plane.ts";
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
export { claimPort } from "./workers/claim-port.ts";
export { availableCpus } from "./workers/cpu-count.ts";
export { ListenerOrder } from "./workers/listener-order.ts";
export { mergeStatus, type WorkerReport } from "./workers/merge-status.ts";
export {
  type ControlAnswer,
  isNote,
  isOrder,
  type WorkerNote,
  type WorkerOrder,
  type WorkerQuestion,
} from "./workers/protocol.ts";
export { healthyMs, RestartPolicy } from "./workers/restart-policy.ts";
export { createSharedMemory } from "./workers/shared-memory.ts";
export { type AskWorker, listenSupervisorControl } from "./workers/supervisor-control.ts";
export { WorkerRuntime } from "./workers/worker-runtime.ts";
