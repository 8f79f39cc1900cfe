import type { JsonObject } from "@catena/schema";

/** One way for a client to say who it is, as OpenAPI describes it. */
export interface SecurityScheme {
  /** Equal for equal schemes. */
  readonly name: string;
  readonly scheme: Readonly<Record<string, string>>;
}

type Describe = (conf: JsonObject) => SecurityScheme;

/** By the plugin that asks. */
const PLUGINS: Readonly<Record<string, Describe>> = {
  "basic-auth": () => http("basic-auth", "basic"),
  "hmac-auth": () => http("hmac-auth", "signature"),
  "jwt-auth": ({ header }) =>
    typeof header === "string" && header.toLowerCase() !== "authorization"
      ? inHeader("jwt-auth", header)
      : http("jwt-auth", "bearer"),
  "key-auth": ({ header }) => inHeader("key-auth", typeof header === "string" ? header : "apikey"),
};

/** What the plugins of a route ask a client for; all of it, when there are several. */
export function securityOf(plugins: ReadonlyMap<string, JsonObject>): readonly SecurityScheme[] {
  return Object.entries(PLUGINS).flatMap(([name, describe]) => {
    const conf = plugins.get(name);
    return conf === undefined ? [] : [describe(conf)];
  });
}

function http(name: string, scheme: string): SecurityScheme {
  return { name, scheme: { type: "http", scheme } };
}

function inHeader(plugin: string, header: string): SecurityScheme {
  // A component's name has fewer characters to it than a header's.
  const name = `${plugin}-${header.toLowerCase()}`.replaceAll(/[^A-Za-z0-9._-]/g, "_");
  return { name, scheme: { type: "apiKey", in: "header", name: header } };
}
