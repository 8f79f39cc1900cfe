import type { Issue } from "@catena/errors";
import { type Static, Type } from "@sinclair/typebox";
import { idSchema, literals } from "../resources/shared-fields.ts";

/** One call of a classic chain. */
const classicServiceSchema = Type.Object({
  /** Absolute http or https URL; see {@link checkClassicChain}. */
  uri: Type.String({ minLength: 1, description: "URL of the service" }),
  method: Type.Optional(
    literals(["GET", "POST", "PUT", "DELETE"], { default: "POST", description: "HTTP method" }),
  ),
  send_body: Type.Optional(
    Type.Boolean({
      description: "whether the merged object is sent; by default only with POST and PUT",
    }),
  ),
  timeout: Type.Optional(
    Type.Integer({ minimum: 1, default: 6000, description: "milliseconds for the whole call" }),
  ),
  upstream_id: Type.Optional(idSchema),
  name: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      pattern: "^[A-Za-z][A-Za-z0-9_-]*$",
      description: "what errors and traces call the service",
    }),
  ),
});

/**
 * The documented form of the proxy-chain plugin: services called one after another, each reply
 * merged over the data. Like APISIX's plugin schemas it is open: members it does not name are kept.
 */
export const classicChainSchema = Type.Object({
  services: Type.Array(classicServiceSchema, { minItems: 1, description: "called in order" }),
  token_header: Type.Optional(
    Type.String({
      minLength: 1,
      pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
      description: "request header that holds the token for the services",
    }),
  ),
  deadline: Type.Optional(
    Type.Integer({ minimum: 1, description: "milliseconds for all calls together" }),
  ),
  error_bodies: Type.Optional(
    literals(["named", "literal"], {
      default: "named",
      description: "whether errors name the service, or show its URL as the Lua plugin does",
    }),
  ),
});

export type ClassicChain = Static<typeof classicChainSchema>;
export type ClassicService = Static<typeof classicServiceSchema>;

/**
 * Checks what the schema cannot: that every `uri` is an absolute http or https URL with a host and
 * without credentials. Paths are relative to the plugin's configuration.
 */
export function checkClassicChain(chain: ClassicChain): readonly Issue[] {
  return chain.services.flatMap(({ uri }, index) => {
    const problem = findUriProblem(uri);
    if (problem === null) return [];
    return [{ path: `/services/${index}/uri`, code: "CHAIN_URI", ...problem }];
  });
}

function findUriProblem(uri: string): Omit<Issue, "path" | "code"> | null {
  const expected = "an http or https URL with a host";
  // The parser drops these silently, so that what is stored would not be what is called.
  if (hasBlank(uri)) return { message: "service uri holds blanks or control characters", expected };
  const url = URL.parse(uri);
  if (url === null) {
    const hint = /^[\w.-]+(:\d+)?(\/|$)/.test(uri) ? { hint: `write it as "http://${uri}"` } : {};
    return { message: "service uri is not a URL", expected, ...hint };
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return {
      message: "service uri is not an http or https URL",
      expected,
      found: url.protocol.slice(0, -1),
    };
  }
  // The parser accepts http:host and http:/host and makes them http://host.
  if (!/^https?:\/\/[^/\\?#]/i.test(uri)) return { message: "service uri names no host", expected };
  if (url.username !== "" || url.password !== "") {
    return {
      message: "service uri holds credentials",
      expected,
      hint: "send credentials in a header",
    };
  }
  return null;
}

function hasBlank(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code === 0x7f) return true;
  }
  return false;
}
