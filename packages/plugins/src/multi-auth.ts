import type { Checked, Issue } from "@catena/errors";
import {
  type GatewayReply,
  messageReply,
  type PluginHandlers,
  type PluginServices,
  type RequestContext,
} from "@catena/pipeline";
import { isJsonObject, type JsonObject } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin, type PluginEntry } from "./define-plugin.ts";
import { checkNested } from "./nested/check-nested.ts";
import { readHeader } from "./replies/reply-headers.ts";

const schema = Type.Object({
  auth_plugins: Type.Array(Type.Unknown(), {
    minItems: 2,
    description: "configurations of auth plugins by their names, tried in this order",
  }),
});

/**
 * multi-auth: lets in who satisfies one of several auth plugins (apisix/plugins/multi-auth.lua).
 *
 * @param find the plugins of the registry that this one will be in.
 */
export function multiAuthOf(find: (name: string) => PluginEntry | undefined): PluginEntry {
  return definePlugin({
    name: "multi-auth",
    priority: 2600,
    type: "auth",
    schema,
    check: (conf) => listPlugins(conf, find).issues,
    create: (conf, services) => {
      const { value: tries, issues } = compile(conf, find, services);
      if (tries === undefined) return { issues };
      return { value: { rewrite: (ctx) => tryAll(tries, ctx, services) }, issues };
    },
  });
}

interface Try {
  readonly name: string;
  readonly rewrite: NonNullable<PluginHandlers["rewrite"]>;
}

interface Nested {
  readonly entry: PluginEntry;
  readonly conf: JsonObject;
  readonly path: string;
}

function listPlugins(
  { auth_plugins }: Static<typeof schema>,
  find: (name: string) => PluginEntry | undefined,
): Checked<readonly Nested[]> {
  const issues: Issue[] = [];
  const nested: Nested[] = [];
  for (const [at, one] of auth_plugins.entries()) {
    for (const [name, conf] of Object.entries(isJsonObject(one) ? one : {})) {
      const path = `/auth_plugins/${at}/${name}`;
      const entry = find(name);
      const refuse = (message: string) => issues.push({ path, code: "PLUGIN_UNKNOWN", message });
      if (entry === undefined) refuse(`${name} plugin did not found`);
      else if (entry.schema.type !== "auth" || name === "multi-auth")
        refuse(`${name} plugin is not supported`);
      else {
        const own = isJsonObject(conf) ? conf : {};
        nested.push({ entry, conf: own, path });
        issues.push(...checkNested(entry, own, path, `plugin ${name} check schema failed: `));
      }
    }
  }
  return issues.length > 0 ? { issues } : { value: nested, issues };
}

function compile(
  conf: Static<typeof schema>,
  find: (name: string) => PluginEntry | undefined,
  services: PluginServices,
): Checked<readonly Try[]> {
  const { value: nested, issues } = listPlugins(conf, find);
  if (nested === undefined) return { issues };
  const tries: Try[] = [];
  for (const { entry, conf: own, path } of nested) {
    const { value, issues: found } = entry.create(own, services);
    if (value?.rewrite === undefined)
      return { issues: found.map((issue) => ({ ...issue, path: path + issue.path })) };
    tries.push({ name: entry.schema.name, rewrite: value.rewrite });
  }
  return { value: tries, issues };
}

async function tryAll(
  tries: readonly Try[],
  ctx: RequestContext,
  { log }: PluginServices,
): Promise<GatewayReply | undefined> {
  let challenge: string | null = null;
  const failures: string[] = [];
  for (const { name, rewrite } of tries) {
    const refused = await rewrite(ctx);
    if (refused === undefined) return undefined;
    challenge = readHeader(refused.headers, "www-authenticate") ?? challenge;
    failures.push(`${name}: ${refused.status}`);
  }
  log.warn("no auth plugin lets the request in", {
    plugin: "multi-auth",
    route: ctx.routeId,
    request: ctx.id,
    failures: failures.join(", "),
  });
  const reply = messageReply(401, { message: "Authorization Failed" });
  if (challenge !== null) reply.headers.push("WWW-Authenticate", challenge);
  return reply;
}
