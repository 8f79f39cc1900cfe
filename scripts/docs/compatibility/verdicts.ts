import type { JsonObject, Kind } from "@catena/schema";

/** What becomes of a field that does not simply work as in APISIX. */
export type Verdict =
  | {
      /** How. A probe of its name in compatibility.test.ts shows that it is still so. */
      readonly differs: string;
    }
  | {
      /** What the gateway says; a test sends `example` and looks for it. */
      readonly refused: string;
      /** A document of the kind that has the field. */
      readonly example: JsonObject;
    };

const upstream = { nodes: { "127.0.0.1:80": 1 } };
const lua = "function(vars) return true end";
/** Held by the test of docs/websocket.md's differences, packages/e2e/src/websocket.test.ts, too. */
const webSocket = {
  differs: "messages go on whole and without compression, up to a limit; see websocket.md",
};
const script = "local _M = {} return _M";

/**
 * Fields that differ from APISIX, by kind and dotted path; every other field is served as there.
 */
export const fieldVerdicts: Readonly<Partial<Record<Kind, Readonly<Record<string, Verdict>>>>> = {
  routes: {
    filter_func: {
      refused: "Lua code cannot run here",
      example: { id: "example", uri: "/v", upstream, filter_func: lua },
    },
    script: {
      refused: "Lua code cannot run here",
      example: { id: "example", uri: "/v", upstream, script },
    },
    enable_websocket: webSocket,
  },
  services: {
    script: { refused: "Lua code cannot run here", example: { id: "example", script } },
    enable_websocket: webSocket,
  },
  upstreams: {
    scheme: {
      differs:
        "http, https, grpc and grpcs; with another the route answers 503, `/status` says why",
    },
    discovery_type: { differs: "dns; with another the route answers 503, `/status` says why" },
  },
  ssls: {
    ssl_protocols: { differs: "with a gap, only what is above it; see tls.md" },
  },
};

/**
 * What becomes of requests and replies, other than nginx has it, with our own server. Each is shown by a
 * test of packages/e2e/src/proxying-wire.test.ts, or http2.test.ts.
 */
export const proxyingVerdicts: readonly (readonly [what: string, how: string])[] = [
  [
    "a request header that comes several times",
    "in one line, values joined by `, `, of `Cookie` by `; `; APISIX sends each line",
  ],
  ["names of headers", "as they were written, or in lower case"],
  [
    "headers that `Connection` names, `Proxy-Connection`",
    "end here, as RFC 9110 has it; APISIX passes them on",
  ],
  ["an upstream's `text/plain` without a charset", "stays as it is; APISIX adds `charset=utf-8`"],
  ["TRACE, CONNECT", "405, as APISIX"],
  ["an absolute request target", "its host is the host, whatever `Host` says (RFC 9112 §3.2.2)"],
  ["bytes beyond ASCII in a target", "encoded towards the upstream (`é` as `%C3%A9`)"],
  [
    "what two servers may read in two ways",
    "refused: bare line feeds, folded lines, two of `Content-Length` or `Host`, more spaces than one in a request line",
  ],
  ["more than 256 headers", "431"],
  ["`Expect` with anything but `100-continue`", "417"],
  ["HTTP/1.0 without `Host`", "taken for the host `localhost`"],
  [
    "a head of more than 32 KiB",
    "431 instead of 400; a URI of more than 8 KiB gets 414, as in APISIX",
  ],
  [
    "bodies of more than 64 KiB, or in chunks",
    "passed on as they come, where APISIX buffers requests",
  ],
  ["`X-Forwarded-For` set by a plugin", "goes on as it was set, without the client's address"],
  ["a PUT without a body that `proxy-rewrite` made", "`Content-Length: 0` is said"],
  ["`Content-Type` towards upstreams over `grpc`", "stays; APISIX says `application/grpc`"],
];

/** What differs further where Bun's HTTP server reads requests; shown by the same tests. */
export const elysiaVerdicts: readonly (readonly [what: string, how: string])[] = [
  ["header names towards the upstream", "in lower case, sorted"],
  ["a reply header that comes several times", "in one line; `Set-Cookie` stays apart"],
  ["a GET or HEAD with a body", "400: the body is hidden"],
  ["a method that is not registered with IANA", "the connection is closed"],
  ["a request with trailers", "400 behind the reply"],
  ["gRPC from clients", "replies come without trailers, and with them without a status"],
  ["HTTP/2 in clear text", "not spoken"],
  ["pipelining", "a request before the last was answered closes the connection"],
  ["an absolute request target", "its host is ignored: the `Host` header decides"],
  [
    "`.` and `..` in a path, also as `%2e`",
    "resolved towards the upstream, too; what is above the root is the root, not 400",
  ],
  [
    "characters that a URI may not have",
    "encoded towards the upstream (`{` as `%7B`); `\\` is `/`",
  ],
  ["HTTP/1.0 with `Connection: keep-alive`", "the connection is closed behind the reply"],
  ["a HEAD whose upstream tells no length", "`transfer-encoding: chunked` is said"],
];

/**
 * What the Admin API answers otherwise. Most is shown by the replayed record of APISIX's answers
 * (packages/admin/src/transcript), the rest by the tests of what is named.
 */
export const adminVerdicts: readonly (readonly [what: string, how: string])[] = [
  ["a key in the cookie `x_api_key`", "not looked at: 401; foreign pages would send it"],
  ["a body that is no JSON", "the message says what is wrong, with line and column"],
  ["a body that is no object", "400, where APISIX crashes"],
  ["`ttl`", "whole seconds from 1"],
  ["a page beyond the end of a list", "`[]` instead of `{}`"],
  ["unknown paths and client addresses", "told in JSON instead of nginx's pages"],
  ["stream routes", "stored, where APISIX refuses them unless its stream mode is on"],
  ["the content of protos", "stored unread"],
  ["metadata of plugins that are not served", "refused: invalid plugin name"],
  ["`graphql_cost_decorations` of services", "404"],
  ["the group of a limit-count", "held against what is stored, not against what once was"],
  [
    "regular expressions in `vars`",
    "refused when they do not compile or need backtracking, where APISIX takes them and never matches",
  ],
  [
    "variables that only nginx has (`connection`, `request_length`, …)",
    "refused in conditions, where they would always be missing",
  ],
  ["a filter or slice in a JSONPath of `post_arg.…`", "refused"],
];

/** Kinds that are stored and have no effect, or another one. */
export const kindVerdicts: Readonly<Partial<Record<Kind, string>>> = {
  protos: "Stored; nothing uses them.",
  stream_routes: "Stored and listed under `unserved` on `/status`; TCP and UDP are not served.",
};
