export type { ChainOutcome, ChainRequest, ChainTarget } from "./chain-request.ts";
export type { ClassicServiceConf, ProxyChainClassic } from "./classic/classic-conf.ts";
export {
  type ClassicChain,
  type ClassicOptions,
  type ClassicService,
  compileClassic,
} from "./classic/compile-classic.ts";
export { runClassic } from "./classic/run-classic.ts";
export { chainErrors } from "./errors.ts";
export { type ChainLimits, DEFAULT_LIMITS } from "./limits.ts";
export { ChainTrace, type StepOutcome, type StepTrace } from "./trace.ts";
