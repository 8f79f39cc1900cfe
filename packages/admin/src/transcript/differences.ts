import type { RecordedReply } from "./replay.ts";

/** Where we answer otherwise than APISIX 3.18.0 did, and why. */
export type Difference = { readonly reason: string } & (
  | {
      /** What we answer. */
      readonly reply: RecordedReply;
    }
  | {
      /** Members in which alone the replies differ, wherever they stand. */
      readonly members: readonly string[];
    }
  | {
      /** The body differs throughout; status and headers are the same. */
      readonly body: "other";
    }
);

const json = "application/json";
const keyInCookie = "a key is not taken from a cookie, which is sent by foreign pages";
const unauthorized: RecordedReply = {
  status: 401,
  type: json,
  json: { error_msg: "failed to check token", description: "missing apikey" },
};
const clearSyntaxError = "a syntax error is told with what is wrong, line and column";
const noCrash = "what makes APISIX crash is refused";
const streamRoutes = "stream routes are stored, whether or not something serves them";
const noHtml = "everything on this port is answered in JSON";
const fullBuild = "the recorded build lacked the AWS library; a full one accepts this";
const ownMeta = "the schema of _meta says the same in other words";

function badSyntax(message: string, body: string): RecordedReply {
  return {
    status: 400,
    type: json,
    json: { error_msg: `invalid request body: ${message}`, req_body: body },
  };
}

function notObject(luaType: string): RecordedReply {
  return {
    status: 400,
    type: json,
    versioned: true,
    json: { error_msg: `invalid configuration: wrong type: expected object, got ${luaType}` },
  };
}

function stored(status: number, key: string, value: object): RecordedReply {
  return { status, type: json, versioned: true, json: { key, value: { ...value, ...times } } };
}

const now = 1_700_000_000;
const times = { create_time: now, update_time: now };
const listed = { createdIndex: 1, modifiedIndex: 1 };

const awsSecret = { id: "aws/a1", access_key_id: "a", secret_access_key: "b" };
const secrets: RecordedReply = {
  status: 200,
  type: json,
  versioned: true,
  json: {
    total: 3,
    list: [
      { key: "/apisix/secrets/aws/a1", value: { ...awsSecret, ...times }, ...listed },
      {
        key: "/apisix/secrets/gcp/g1",
        value: {
          id: "gcp/g1",
          auth_config: { client_email: "a@b", private_key: "k", project_id: "p" },
          ...times,
        },
        ...listed,
      },
      {
        key: "/apisix/secrets/vault/v1",
        value: {
          id: "vault/v1",
          prefix: "kv/apisix",
          token: "t3",
          uri: "http://127.0.0.1:8200",
          ...times,
        },
        ...listed,
      },
    ],
  },
};
const streamRoute = {
  id: "1",
  server_port: 9100,
  upstream: { type: "roundrobin", nodes: { "127.0.0.1:19802": 1 } },
};
const badProto = { id: "p2", content: "not proto" };
const notFound: RecordedReply = { status: 404, type: json, json: { error_msg: "not found" } };

/** By the number of the call. A difference that is none any more fails the replay. */
export const differences: ReadonlyMap<number, Difference> = new Map<number, Difference>([
  [4, { reason: keyInCookie, reply: unauthorized }],
  [
    25,
    {
      reason: "a list is a list when it is empty, too; clients map over it",
      reply: { status: 200, type: json, versioned: true, json: { total: 4, list: [] } },
    },
  ],
  [
    47,
    {
      reason: clearSyntaxError,
      reply: badSyntax("key bad is not quoted at line 1, column 2", "{bad json"),
    },
  ],
  [51, { reason: noCrash, reply: notObject("string") }],
  [52, { reason: noCrash, reply: notObject("userdata") }],
  [
    69,
    {
      reason: "an address that can never be called is refused when it is written",
      reply: {
        status: 400,
        type: json,
        versioned: true,
        json: {
          error_msg:
            "failed to check the configuration of plugin proxy-chain err: service uri holds blanks or control characters",
        },
      },
    },
  ],
  [
    80,
    {
      reason: "Lua cannot run here",
      reply: {
        status: 400,
        type: json,
        versioned: true,
        json: { error_msg: "failed to load 'filter_func' string: Lua code cannot run here" },
      },
    },
  ],
  [170, { reason: fullBuild, reply: stored(201, "/apisix/secrets/aws/a1", awsSecret) }],
  [174, { reason: fullBuild, reply: secrets }],
  [176, { reason: fullBuild, reply: secrets }],
  [
    179,
    {
      reason: "the content of a proto is stored and not read: nothing here runs it",
      reply: stored(201, "/apisix/protos/p2", badProto),
    },
  ],
  [183, { reason: streamRoutes, reply: stored(201, "/apisix/stream_routes/1", streamRoute) }],
  [
    184,
    {
      reason: streamRoutes,
      reply: {
        status: 200,
        type: json,
        versioned: true,
        json: {
          total: 1,
          list: [
            { key: "/apisix/stream_routes/1", value: { ...streamRoute, ...times }, ...listed },
          ],
        },
      },
    },
  ],
  [185, { reason: "the plugins are those of the build", body: "other" }],
  [186, { reason: ownMeta, members: ["_meta"] }],
  [189, { reason: "proxy-chain takes more here than in APISIX", body: "other" }],
  [191, { reason: "the record is cut; the schema parity tests hold the schemas", body: "other" }],
  [193, { reason: ownMeta, members: ["_meta"] }],
  [195, { reason: ownMeta, members: ["_meta"] }],
  [
    199,
    {
      reason: clearSyntaxError,
      reply: badSyntax("key x is not quoted at line 1, column 2", "{x"),
    },
  ],
  [208, { reason: noHtml, reply: notFound }],
  [210, { reason: noHtml, reply: notFound }],
  [214, { reason: noHtml, reply: notFound }],
]);

/** What is stored otherwise after all calls, by key; `null` where APISIX stored something. */
export const storedDifferences: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  // Call 80 was refused, so what call 75 left is still there.
  [
    "/apisix/routes/e",
    {
      id: "e",
      uri: "/x",
      upstream: { type: "roundrobin", nodes: [{ host: "127.0.0.1", weight: 1 }] },
      ...times,
    },
  ],
  ["/apisix/secrets/aws/a1", { ...awsSecret, ...times }],
  ["/apisix/protos/p2", { ...badProto, ...times }],
  ["/apisix/stream_routes/1", { ...streamRoute, ...times }],
]);
