import { Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";

/**
 * proxy-buffering: asks that replies are not held back (apisix/plugins/proxy-buffering.lua). They never
 * are here, so that it has nothing to do.
 */
export const proxyBuffering = definePlugin({
  name: "proxy-buffering",
  priority: 21991,
  schema: Type.Object({
    disable_proxy_buffering: Type.Optional(
      Type.Boolean({ default: false, description: "without effect: replies are never held back" }),
    ),
  }),
  create: () => ({ value: {}, issues: [] }),
});
