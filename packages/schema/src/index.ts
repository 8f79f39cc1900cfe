// Kinds, keys and references

// Validation
export { apisixMessage, apisixSchemaMessage } from "./apisix-message.ts";
export { hashKeyPatterns } from "./check-upstream.ts";
export { didYouMean } from "./did-you-mean.ts";
export { createFieldCipher, type FieldCipher } from "./field-cipher.ts";
export { compileJsonCheck } from "./json-schema/check-json.ts";
export { compileSchema, type SchemaChecker } from "./json-schema/compile-schema.ts";
export type { Finding, Place } from "./json-schema/finding.ts";
export { isJsonObject, type JsonObject, type JsonSchema } from "./json-schema/json-schema.ts";
export { isSecretReference } from "./json-schema/value-tests.ts";
export {
  credentialId,
  DEFAULT_PREFIX,
  formatKey,
  formatName,
  kindPrefix,
  type ParsedKey,
  parseKey,
  type ResourceKey,
  splitCredentialId,
} from "./key.ts";
export {
  type AdminMethod,
  isKind,
  type Kind,
  type KindInfo,
  kindNames,
  kinds,
  type Resource,
  type ResourceOf,
} from "./kinds.ts";
// Plugins
export {
  createPluginRegistry,
  metaSchema,
  type PluginRegistry,
  type PluginSchema,
  type PluginTarget,
  withMeta,
} from "./plugin-registry.ts";
export {
  type ClassicChain,
  type ClassicService,
  checkClassicChain,
  classicChainSchema,
} from "./plugins/proxy-chain-classic.ts";
export { deployOrder, type Reference, referencesOf } from "./references.ts";
// Resources
export { type Consumer, consumerSchema } from "./resources/consumer.ts";
export { type Credential, credentialSchema } from "./resources/credential.ts";
export { type HealthCheck, healthCheckSchema } from "./resources/health-check.ts";
export {
  type ConsumerGroup,
  consumerGroupSchema,
  type GlobalRule,
  globalRuleSchema,
  type PluginConfig,
  type PluginMetadata,
  pluginConfigSchema,
  pluginMetadataSchema,
} from "./resources/plugin-sets.ts";
export { type Proto, protoSchema } from "./resources/proto.ts";
export { type Route, routeSchema } from "./resources/route.ts";
export {
  isSecretManager,
  type Secret,
  type SecretManager,
  secretSchema,
  secretSchemas,
} from "./resources/secret.ts";
export { type Service, serviceSchema } from "./resources/service.ts";
export {
  addressSchema,
  hostSchema,
  idSchema,
  labelsSchema,
  literals,
  METHODS,
  openObject,
  type PluginConf,
  type PluginConfs,
  type Timeout,
  timeoutSchema,
} from "./resources/shared-fields.ts";
export { type Ssl, sslSchema } from "./resources/ssl.ts";
export { type StreamRoute, streamRouteSchema } from "./resources/stream-route.ts";
export { type Upstream, type UpstreamNode, upstreamSchema } from "./resources/upstream.ts";
export { parseResource } from "./validate.ts";
export type { ExpressionCheck, ValidationOptions } from "./validation-options.ts";
