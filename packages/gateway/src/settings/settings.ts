import { DEFAULT_LIMITS } from "@catena/chain";
import { type Static, Type } from "@sinclair/typebox";

const address = (description: string) =>
  Type.String({ pattern: "^(\\[[0-9a-fA-F:]+\\]|[^:\\s]+):[0-9]{1,5}$", description });

const closed = { additionalProperties: false } as const;

/** What one gateway process runs with. Every field is optional in a file; {@link defaults} fill in. */
export const SettingsSchema = Type.Object(
  {
    store: Type.String({
      minLength: 1,
      description: "Where configuration lives: sqlite:FILE or etcd://host:port[,host:port]",
    }),
    prefix: Type.String({
      pattern: "^/[^/].*[^/]$",
      description: "Key prefix in the store, as APISIX's deployment.etcd.prefix",
    }),
    listen: address("Data plane"),
    tlsListen: Type.Union([address("Data plane over TLS"), Type.Null()], {
      description:
        "Data plane over TLS, listened to from the first server certificate on; null: never",
    }),
    ssl: Type.Object(
      {
        fallbackSni: Type.Union([Type.String({ minLength: 1, maxLength: 253 }), Type.Null()], {
          description:
            "Server name of clients that name none, as APISIX's apisix.ssl.fallback_sni; null: they are refused",
        }),
        http2: Type.Boolean({ description: "Whether clients may speak HTTP/2 over TLS" }),
        publicPort: Type.Union([Type.Integer({ minimum: 1, maximum: 65_535 }), Type.Null()], {
          description:
            "Port in redirects to https, as APISIX's plugin_attr.redirect.https_port; null: that of tlsListen",
        }),
      },
      closed,
    ),
    workers: Type.Union([Type.Integer({ minimum: 1, maximum: 256 }), Type.Literal("auto")], {
      description: "Processes that serve the data plane's port; auto: one per available CPU",
    }),
    adminListen: address("Admin API"),
    controlListen: address("Control API and /status"),
    adminKey: Type.Union([Type.String({ minLength: 16 }), Type.Null()], {
      description: "Admin API key; null: one is generated at first start into adminKeyFile",
    }),
    adminKeyFile: Type.String({ minLength: 1, description: "Readable by its owner alone" }),
    admin: Type.Object(
      {
        keys: Type.Array(
          Type.Object(
            {
              name: Type.String({ minLength: 1, description: "Whose key it is, for people" }),
              role: Type.Union([Type.Literal("admin"), Type.Literal("viewer")], {
                description: "viewer may only read",
              }),
              key: Type.String({ minLength: 16, description: "Sent in X-API-KEY" }),
            },
            closed,
          ),
          { maxItems: 100, description: "Further keys of the Admin API" },
        ),
        allow: Type.Array(Type.String({ minLength: 1 }), {
          description: "Client addresses and CIDR blocks that may use the Admin API",
        }),
        cors: Type.Boolean({
          description: "Whether browsers of other origins may use the Admin API, with a key",
        }),
        standalone: Type.Boolean({
          description:
            "The whole configuration is put as one document, as in APISIX's API-driven mode",
        }),
      },
      closed,
    ),
    keyring: Type.Array(
      Type.String({ minLength: 16, maxLength: 32, description: "A key of 16 or 32 bytes" }),
      {
        maxItems: 16,
        description:
          "Keys of 16 or 32 bytes for secret fields in the store: the first encrypts, all decrypt; none: stored as they come",
      },
    ),
    secrets: Type.Object(
      {
        ttlSeconds: Type.Number({
          minimum: 1,
          maximum: 86_400,
          description: "How long what a secret manager answered is used before it is asked again",
        }),
        retrySeconds: Type.Number({
          minimum: 1,
          maximum: 86_400,
          description: "When a secret manager is asked again that could not answer",
        }),
        timeoutMs: Type.Integer({
          minimum: 1,
          maximum: 60_000,
          description: "For one question to a secret manager",
        }),
        references: Type.Integer({
          minimum: 0,
          maximum: 100_000,
          description: "Most different references to secrets that are followed",
        }),
      },
      closed,
    ),
    resolver: Type.Object(
      {
        hosts: Type.Record(Type.String({ minLength: 1 }), Type.String({ minLength: 1 }), {
          description: "Names resolved without DNS: name -> ip[:port]",
        }),
        ttlSeconds: Type.Number({ minimum: 0, description: "How long a DNS answer is used" }),
      },
      closed,
    ),
    dns: Type.Object(
      {
        servers: Type.Array(Type.String({ minLength: 1 }), {
          description:
            "Asked in this order, ip or ip:port, in place of the system's resolver; none: the system's",
        }),
      },
      closed,
    ),
    tls: Type.Object(
      {
        verify: Type.Boolean({
          description:
            "Whether certificates of upstreams are verified that do not say so themselves",
        }),
        ca: Type.Union([Type.String({ pattern: "-----BEGIN CERTIFICATE-----" }), Type.Null()], {
          description: "Authorities that sign upstreams' certificates, PEM; null: the system's",
        }),
      },
      closed,
    ),
    healthChecks: Type.Boolean({
      description: "Whether upstreams' checks run; off as APISIX's disable_upstream_healthcheck",
    }),
    transport: Type.Union([Type.Literal("wire"), Type.Literal("fetch")], {
      description: "Upstream client: wire is ours over TCP, fetch is Bun's",
    }),
    server: Type.Union([Type.Literal("wire"), Type.Literal("elysia")], {
      description: "Server that reads clients' requests: wire is ours over TCP, elysia is Bun's",
    }),
    router: Type.Union(
      [
        Type.Literal("radixtree_host_uri"),
        Type.Literal("radixtree_uri"),
        Type.Literal("radixtree_uri_with_parameter"),
      ],
      { description: "Matching mode, as APISIX's apisix.router.http" },
    ),
    unknownPlugins: Type.Union([Type.Literal("refuse"), Type.Literal("skip")], {
      description:
        "What a route does whose plugin this build lacks: refuse answers 503, skip serves without it",
    }),
    serverHeader: Type.String({ description: "Server header of every answer; empty: none" }),
    limits: Type.Object(
      {
        requestBytes: Type.Integer({ minimum: 0, description: "Largest body a chain reads" }),
        responseBytes: Type.Integer({ minimum: 0, description: "Largest step response" }),
        mergedBytes: Type.Integer({ minimum: 0, description: "Largest merged value of a chain" }),
        jsonDepth: Type.Integer({ minimum: 1, description: "Deepest JSON a chain reads" }),
        steps: Type.Integer({ minimum: 1, maximum: 64, description: "Most steps of a chain" }),
        subDepth: Type.Integer({
          minimum: 0,
          maximum: 8,
          description: "How deep chains may use each other",
        }),
        eachItems: Type.Integer({
          minimum: 1,
          maximum: 1000,
          description: "Most items of an each that sets no max",
        }),
        eachConcurrency: Type.Integer({
          minimum: 1,
          maximum: 64,
          description: "Most calls at a time of an each that sets no concurrency",
        }),
        deadlineMs: Type.Integer({
          minimum: 1,
          maximum: 600_000,
          description: "For a chain that sets no deadline",
        }),
        timeoutMs: Type.Integer({
          minimum: 1,
          maximum: 600_000,
          description: "For one attempt of a call that sets no timeout",
        }),
      },
      closed,
    ),
    realIp: Type.Object(
      {
        from: Type.Array(Type.String({ minLength: 1 }), {
          maxItems: 1000,
          description:
            "Peers that may say who the client is, addresses and CIDR blocks, as nginx's set_real_ip_from",
        }),
        header: Type.String({
          pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
          description: "Header that they say it in",
        }),
        recursive: Type.Boolean({
          description: "Whether such peers are skipped at the end of the header's list",
        }),
      },
      closed,
    ),
    trustedAddresses: Type.Array(Type.String({ minLength: 1 }), {
      maxItems: 1000,
      description:
        "Peers whose X-Forwarded-Proto, -Host and -Port are passed on, as APISIX's apisix.trusted_addresses; with any, others' X-Forwarded-For is dropped",
    }),
    uri: Type.Object(
      {
        deleteTailSlash: Type.Boolean({
          description:
            "Whether routes and plugins see paths without a slash at the end, as APISIX's delete_uri_tail_slash",
        }),
        normalizeLikeServlet: Type.Boolean({
          description:
            "Whether they see segments without what follows a semicolon, as APISIX's normalize_uri_like_servlet",
        }),
        matchEncodedSlash: Type.Boolean({
          description: "Whether %2F is no slash to routes, as APISIX's match_uri_encoded_slash",
        }),
      },
      closed,
    ),
    webSocket: Type.Object(
      {
        messageBytes: Type.Integer({
          minimum: 1,
          maximum: 1024 * 1024 * 1024,
          description: "Longest WebSocket message, of either side; a longer one closes with 1009",
        }),
      },
      closed,
    ),
    traces: Type.Object(
      {
        keep: Type.Integer({
          minimum: 0,
          maximum: 1000,
          description: "How many requests through chains GET /v1/traces shows; 0: none are kept",
        }),
        values: Type.Boolean({
          description: "Whether traces show what calls said, secrets masked",
        }),
      },
      closed,
    ),
    serverTiming: Type.Boolean({
      description: "Whether every chain tells clients in Server-Timing how its steps went",
    }),
    undo: Type.Object(
      {
        sweepSeconds: Type.Number({
          minimum: 0,
          maximum: 86_400,
          description:
            "How often undo records of processes that are gone are looked for and worked off; 0: never",
        }),
      },
      closed,
    ),
    maxConnections: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      description:
        "Most open connections of clients, of each worker and listener; those beyond are closed at once. Less than the files a process may open",
    }),
    drainSeconds: Type.Number({ minimum: 0, description: "Connection: close is sent this long" }),
    stopSeconds: Type.Number({ minimum: 0, description: "Requests get this long to end" }),
  },
  closed,
);

export type Settings = Static<typeof SettingsSchema>;

/** Settings as a file may give them: any part of them. */
export type PartialSettings = {
  readonly [K in keyof Settings]?: Settings[K] extends object ? Partial<Settings[K]> : Settings[K];
};

export const defaults: Settings = Object.freeze({
  store: "sqlite:.catena/catena.db",
  prefix: "/apisix",
  listen: "0.0.0.0:9080",
  tlsListen: "0.0.0.0:9443",
  ssl: { fallbackSni: null, http2: true, publicPort: null },
  workers: 1,
  adminListen: "127.0.0.1:9180",
  controlListen: "127.0.0.1:9090",
  adminKey: null,
  adminKeyFile: ".catena/admin.key",
  admin: { keys: [], allow: ["127.0.0.0/8", "::1/128"], cors: true, standalone: false },
  keyring: [],
  secrets: { ttlSeconds: 300, retrySeconds: 60, timeoutMs: 5000, references: 10_000 },
  resolver: { hosts: {}, ttlSeconds: 30 },
  dns: { servers: [] },
  tls: { verify: true, ca: null },
  healthChecks: true,
  transport: "wire",
  server: "wire",
  router: "radixtree_host_uri",
  unknownPlugins: "refuse",
  serverHeader: "APISIX/3.18.0",
  limits: { ...DEFAULT_LIMITS },
  // APISIX's own (apisix/cli/config.lua): a terminator on this machine tells whom it speaks for.
  realIp: { from: ["127.0.0.1"], header: "X-Real-IP", recursive: false },
  trustedAddresses: [],
  uri: { deleteTailSlash: false, normalizeLikeServlet: false, matchEncodedSlash: false },
  webSocket: { messageBytes: 16 * 1024 * 1024 },
  traces: { keep: 0, values: false },
  serverTiming: false,
  undo: { sweepSeconds: 30 },
  // APISIX's worker_connections (apisix/cli/config.lua).
  maxConnections: 10_620,
  drainSeconds: 1,
  stopSeconds: 30,
});

/**
 * Types a gateway's settings file. Give only what differs from the defaults.
 *
 * @example
 * export default defineGateway({ store: "etcd://127.0.0.1:2379", listen: "0.0.0.0:8080" });
 */
export function defineGateway(settings: PartialSettings): PartialSettings {
  return settings;
}
