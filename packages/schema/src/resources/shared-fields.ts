import { type Static, Type } from "@sinclair/typebox";

/**
 * A string that must be one of a list, written as APISIX's schemas write it (`enum`), typed as the
 * union of its members.
 */
export function literals<const T extends readonly string[]>(
  members: T,
  options: { readonly default?: T[number]; readonly description?: string } = {},
) {
  return Type.Unsafe<T[number]>(Type.String({ enum: members, ...options }));
}

/** Schema of an object whose members are none of this schema's business. */
export function openObject<T extends object = Record<string, unknown>>(
  options: { readonly description?: string; readonly maxProperties?: number } = {},
) {
  return Type.Unsafe<T>(Type.Object({}, options));
}

/** Configuration of one plugin, as written on a route, service, consumer or rule. */
export type PluginConf = Record<string, unknown>;

/** Plugin name to configuration. */
export type PluginConfs = Record<string, PluginConf>;

export const pluginsSchema = openObject<PluginConfs>();

/** Ids are text; a whole number is accepted as APISIX does and means the same as its digits. */
export const idSchema = Type.Union([
  Type.String({ minLength: 1, maxLength: 64, pattern: "^[a-zA-Z0-9-_.]+$" }),
  Type.Integer({ minimum: 1 }),
]);

export const nameSchema = Type.String({ minLength: 1, maxLength: 256 });

export const descSchema = Type.String({ maxLength: 256 });

export const labelsSchema = Type.Record(
  Type.String({ pattern: ".*" }),
  Type.String({ minLength: 1, maxLength: 256, pattern: "^\\S+$", description: "value of label" }),
  { description: "names and values to find the resource by" },
);

export const timestampSchema = Type.Integer();

const HOST_PATTERN = "^\\*$|^\\*?[0-9a-zA-Z-._\\[\\]:]+$";

/** A host name, or one that starts with `*`. */
export function hostSchema(options: { readonly description?: string } = {}) {
  return Type.String({ pattern: HOST_PATTERN, ...options });
}

const OCTET = "([0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])";

/** IPv4 or IPv6 address, or a network in CIDR notation. */
export function addressSchema(description = "client IP") {
  return Type.Unsafe<string>(
    Type.String({
      description,
      anyOf: [
        { title: "IPv4", type: "string", format: "ipv4" },
        {
          title: "IPv4/CIDR",
          type: "string",
          pattern: `^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}/([12]?[0-9]|3[0-2])$`,
        },
        { title: "IPv6", type: "string", format: "ipv6" },
        {
          title: "IPv6/CIDR",
          type: "string",
          pattern:
            "^([a-fA-F0-9]{0,4}:){1,8}(:[a-fA-F0-9]{0,4}){0,8}([a-fA-F0-9]{0,4})?/[0-9]{1,3}$",
        },
      ],
    }),
  );
}

/** The request methods APISIX knows. */
export const METHODS = [
  "GET",
  "POST",
  "PUT",
  "DELETE",
  "PATCH",
  "HEAD",
  "OPTIONS",
  "CONNECT",
  "TRACE",
  "PURGE",
] as const;

/** Seconds, fractions allowed; all three are needed. */
export const timeoutSchema = Type.Object({
  connect: Type.Number({ exclusiveMinimum: 0 }),
  read: Type.Number({ exclusiveMinimum: 0 }),
  send: Type.Number({ exclusiveMinimum: 0 }),
});

export type Timeout = Static<typeof timeoutSchema>;

/** Lua source; kept so that stored objects stay readable, never run. */
export const scriptSchema = Type.String({ minLength: 10, maxLength: 102_400 });

/** Switched on (1, the default) or off (0). */
export function statusSchema(description: string) {
  return Type.Unsafe<0 | 1>(Type.Integer({ enum: [1, 0], default: 1, description }));
}

export const certSchema = Type.String({ minLength: 128, maxLength: 65_536 });

export const privateKeySchema = Type.String({ minLength: 64, maxLength: 65_536 });
