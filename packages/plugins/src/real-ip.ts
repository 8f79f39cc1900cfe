import type { Checked } from "@catena/errors";
import { type AddressMatcher, compileAddresses, compileVariable, isAddress } from "@catena/expr";
import type { PluginLog, RequestContext } from "@catena/pipeline";
import { addressSchema } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import { firstOnly } from "./first-only.ts";

const schema = Type.Object({
  trusted_addresses: Type.Optional(
    Type.Array(addressSchema(), {
      minItems: 1,
      description: "peers that may name the client; all when absent",
    }),
  ),
  source: Type.String({
    minLength: 1,
    description: "variable with the client's address, such as http_x_forwarded_for",
  }),
  recursive: Type.Optional(
    Type.Boolean({
      default: false,
      description: "skip the trusted addresses at the end of X-Forwarded-For",
    }),
  ),
});

type Conf = Static<typeof schema>;

/**
 * real-ip: takes the client's address from what a proxy in front of us says
 * (apisix/plugins/real-ip.lua). Routes are found before, by the address of the peer.
 */
export const realIp = definePlugin({
  name: "real-ip",
  priority: 23000,
  schema,
  check: (conf) => compile(conf).issues,
  create: (conf, { log }) => {
    const { value: source, issues } = compile(conf);
    if (source === undefined) return { issues };
    const quiet = firstOnly(log);
    return { value: { rewrite: (ctx) => learn(source, ctx, quiet) }, issues };
  },
});

interface Source {
  readonly isTrusted: AddressMatcher;
  /** The address, possibly with a port; `null` when there is none. */
  readonly read: (ctx: RequestContext) => string | null;
}

function compile(conf: Conf): Checked<Source> {
  const trusted =
    conf.trusted_addresses === undefined ? null : compileAddresses(conf.trusted_addresses);
  const variable = compileVariable(conf.source);
  const issues = [
    ...(trusted?.issues ?? []).map((issue) => ({
      ...issue,
      path: `/trusted_addresses${issue.path}`,
    })),
    ...variable.issues.map((issue) => ({ ...issue, path: "/source" })),
  ];
  if (issues.length > 0 || variable.value === undefined) return { issues };
  const { value: read } = variable;
  const skips = conf.recursive === true ? (trusted?.value ?? null) : null;
  return {
    value: {
      isTrusted: trusted?.value ?? (() => true),
      read:
        conf.source === "http_x_forwarded_for"
          ? (ctx) => lastOf(ctx.header("x-forwarded-for"), skips)
          : (ctx) => {
              const value = read(ctx);
              return typeof value === "string" ? value : null;
            },
    },
    issues,
  };
}

/** The last address of a list, or the last that is not skipped; the first when all are. */
function lastOf(list: string | null, skips: AddressMatcher | null): string | null {
  if (list === null) return null;
  const addresses = list.split(",").map((address) => address.trim());
  if (skips === null) return addresses.at(-1) ?? null;
  return addresses.findLast((address) => !skips(address)) ?? addresses[0] ?? null;
}

function learn({ isTrusted, read }: Source, ctx: RequestContext, log: PluginLog): void {
  if (!isTrusted(ctx.clientAddress)) return;
  const text = read(ctx);
  const client = text === null ? null : parseClientAddress(text);
  if (client !== null) ctx.setClient(client.address, client.port);
  else log.warn("no usable address of a client", { plugin: "real-ip", route: ctx.routeId });
}

/**
 * Reads an address as proxies write it: `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]` and `[::1]:80`.
 *
 * @returns port 0 when there is none; `null` for what is no address.
 */
export function parseClientAddress(
  text: string,
): { readonly address: string; readonly port: number } | null {
  if (isAddress(text)) return { address: text, port: 0 };
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+))(?::(\d{1,5}))?$/.exec(text);
  const address = parts?.[1] ?? parts?.[2] ?? "";
  const port = parts?.[3] === undefined ? 0 : Number(parts[3]);
  const hasPort = parts?.[3] !== undefined;
  if (!isAddress(address) || port > 65_535 || (hasPort && port === 0)) return null;
  return { address, port };
}
