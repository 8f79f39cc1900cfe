export { type ClientOptions, generateClient } from "./client/generate-client.ts";
export type { ServedResource } from "./merged-routes.ts";
export { type OpenApiDocument, type OpenApiOptions, openapi } from "./openapi.ts";
