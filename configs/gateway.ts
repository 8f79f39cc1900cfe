import { defineGateway } from "@catena/gateway";

/**
 * How this gateway runs. What is not named here has its default (docs/settings.md); the environment
 * (`CATENA_STORE`, …) and flags win over this file.
 */
export default defineGateway({
  store: "sqlite:.catena/catena.db",
  listen: "127.0.0.1:9080",
  // `/v1/orders/:id` takes one segment only in this mode.
  router: "radixtree_uri_with_parameter",
  limits: { requestBytes: 256 * 1024 },
});
