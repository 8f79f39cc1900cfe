import { statusReply } from "@catena/pipeline";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";

const schema = Type.Object({
  uri: Type.Optional(
    Type.String({ description: "path of the page; by default the path of the request" }),
  ),
});

type Conf = Static<typeof schema>;

/**
 * public-api: answers with a page of the gateway itself, in place of an upstream
 * (apisix/plugins/public-api.lua). A route decides who may see it, under which path and with which
 * other plugins; 404 where the gateway has no such page.
 */
export const publicApi = definePlugin({
  name: "public-api",
  priority: 501,
  schema,
  create: ({ uri }: Conf, { ownPage }) => ({
    value: {
      access: ({ method, path }) => {
        const page = method === "GET" || method === "HEAD" ? ownPage?.(uri ?? path) : null;
        return page?.() ?? statusReply(404);
      },
    },
    issues: [],
  }),
});
