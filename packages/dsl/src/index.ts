// Resources
export { Chain, chain } from "./chain/chain.ts";
export type { ChainOptions } from "./chain/chain-options.ts";
export type { ClassicCall } from "./chain/classic-call.ts";
// Compiling
export { type CompiledResource, type CompileOptions, compile } from "./compile/compile.ts";
export type { Declaration, Target } from "./declaration.ts";
export { type Config, defineConfig, type Group } from "./define-config.ts";
export { dslErrors } from "./errors.ts";
export {
  type AuthoredPlugins,
  consumer,
  consumerGroup,
  credential,
  type Fields,
  globalRule,
  type Link,
  pluginConfig,
  pluginMetadata,
  proto,
  route,
  secret,
  service,
  ssl,
  streamRoute,
  upstream,
} from "./resources.ts";
