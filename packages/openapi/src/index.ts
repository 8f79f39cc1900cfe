export { type ClientOptions, generateClient } from "./client/generate-client.ts";
export type { ServedResource } from "./merged-routes.ts";
export { type OpenApiDocument, type OpenApiOptions, openapi, openapiSteps } from "./openapi.ts";
export type { Steps } from "./steps.ts";
