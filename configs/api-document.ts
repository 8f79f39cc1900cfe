import { route } from "@catena/dsl";

/**
 * `GET /openapi.json`: what this gateway serves, as an OpenAPI document for those who call it. Without
 * this route only the Control API has it.
 */
export const apiDocument = route("api-document", {
  uri: "/openapi.json",
  methods: ["GET"],
  plugins: { "public-api": {} },
});
