export { type ClientOptions, generateClient } from "./client/generate-client.ts";
export { type OpenApiDocument, type OpenApiOptions, openapi } from "./openapi.ts";
export type { ServedResource } from "./served-operations.ts";
