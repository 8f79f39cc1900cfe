import { describe, expect, test } from "bun:test";
import type { Upstream } from "@catena/schema";
import { balancerTypes } from "./balancers/registry.ts";
import { compileTimeouts, compileUpstream, type UpstreamServices } from "./compile-upstream.ts";
import { authority, client, namedServer } from "./conformance/test-certificates.ts";
import { createResolver } from "./resolver.ts";

const services: UpstreamServices = {
  resolver: createResolver({ hosts: { "table.test": "10.0.0.7:9001" } }),
  random: () => 0,
};

function compile(upstream: Upstream, more: Partial<UpstreamServices> = {}) {
  const { value, issues } = compileUpstream(upstream, { ...services, ...more });
  if (value === undefined) throw new Error(issues.map((issue) => issue.message).join());
  return value;
}

function issuesOf(upstream: Upstream, more: Partial<UpstreamServices> = {}) {
  const { value, issues } = compileUpstream(upstream, { ...services, ...more });
  expect(value).toBeUndefined();
  return issues.map(({ path, code }) => `${path} ${code}`);
}

const one = { "10.0.0.1:80": 1 };
const two = { "10.0.0.1:80": 1, "10.0.0.2:80": 1 };

describe("a plan", () => {
  test("has APISIX's defaults", () => {
    const plan = compile({ nodes: two });
    expect(plan).toMatchObject({
      retries: null,
      retryTimeoutMs: Number.POSITIVE_INFINITY,
      timeouts: { connectMs: 60_000, sendMs: 60_000, readMs: 60_000 },
      passHost: "pass",
      hashKey: null,
      discovered: null,
      checker: null,
      direct: null,
    });
    expect(plan.nodes[0]?.origin?.keepalive).toEqual({ size: 320, idleMs: 60_000, requests: 1000 });
  });

  test("has seconds as milliseconds", () => {
    const plan = compile({
      nodes: one,
      retry_timeout: 1.5,
      timeout: { connect: 0.5, send: 2, read: 3 },
      keepalive_pool: { size: 5, idle_timeout: 0.25, requests: 9 },
    });
    expect(plan.retryTimeoutMs).toBe(1_500);
    expect(plan.timeouts).toEqual({ connectMs: 500, sendMs: 2_000, readMs: 3_000 });
    expect(plan.nodes[0]?.origin?.keepalive).toEqual({ size: 5, idleMs: 250, requests: 9 });
  });

  test("an idle time of 0 is no limit, a retry time of 0 neither", () => {
    const plan = compile({ nodes: one, retry_timeout: 0, keepalive_pool: { idle_timeout: 0 } });
    expect(plan.nodes[0]?.origin?.keepalive.idleMs).toBe(Number.POSITIVE_INFINITY);
    expect(plan.retryTimeoutMs).toBe(Number.POSITIVE_INFINITY);
  });

  test.each<[string, Upstream, string, string]>([
    ["an address", { nodes: { "10.0.0.1:81": 1 } }, "10.0.0.1:81", "http#10.0.0.1#81##"],
    ["HTTP/2", { scheme: "grpc", nodes: one }, "10.0.0.1", "grpc#10.0.0.1#80##"],
    [
      "the port of grpc",
      { scheme: "grpc", nodes: { "10.0.0.1": 1 } },
      "10.0.0.1",
      "grpc#10.0.0.1#80##",
    ],
    ["the scheme's port", { nodes: { "10.0.0.1": 1 } }, "10.0.0.1", "http#10.0.0.1#80##"],
    ["an IPv6 address", { nodes: { "[::1]:81": 1 } }, "[::1]:81", "http#::1#81##"],
    [
      "a name of the table",
      { nodes: { "table.test:80": 1 } },
      "table.test",
      "http#10.0.0.7#9001##",
    ],
  ])("of %s knows Host and origin", (_, upstream, host, key) => {
    const [node] = compile(upstream).nodes;
    expect(node?.hostHeader).toBe(host);
    expect(node?.origin?.key).toBe(key);
  });

  test("of a name has an origin only when a call is made", () => {
    const [node] = compile({ nodes: { "api.test:81": 1 } }).nodes;
    expect(node).toMatchObject({ hostHeader: "api.test:81", fixed: null, origin: null });
  });

  test.each<[string, Upstream]>([
    ["one node", { nodes: one }],
    ["one node of weight 0", { nodes: { "10.0.0.1:80": 0 } }],
  ])("%s needs no choice", (_, upstream) => {
    expect(compile(upstream).direct?.label).toBe("10.0.0.1:80");
  });

  test.each<[string, Upstream]>([
    ["one node with retries", { nodes: one, retries: 1 }],
    ["one node that counts calls", { nodes: one, type: "least_conn" }],
    ["two nodes", { nodes: two }],
    ["a name", { nodes: { "api.test:80": 1 } }],
    ["TLS", { nodes: one, scheme: "https" }],
    ["no nodes", { nodes: {} }],
  ])("%s needs more than the direct way", (_, upstream) => {
    expect(compile(upstream).direct).toBeNull();
  });

  test("says what is hashed for chash alone", () => {
    const chash = { nodes: two, type: "chash", key: "uri" };
    expect(compile(chash).hashKey).toBeFunction();
    expect(compile({ nodes: two, type: "roundrobin", key: "uri" }).hashKey).toBeNull();
  });

  test("that hashes what can't be had is a plan, and tells", () => {
    const upstream = { nodes: two, type: "chash", key: "connection_requests" };
    const { value, issues } = compileUpstream(upstream, services);
    expect(value?.hashKey).toBeFunction();
    expect(issues.map(({ path }) => path)).toEqual(["/key"]);
  });

  test.each(balancerTypes)("takes the type %s", (type) => {
    expect(compile({ nodes: two, type, key: "uri" }).balancer.pick("x", [])).not.toBeNull();
  });
});

describe("what can't be served", () => {
  test.each<[string, Upstream, string]>([
    ["tcp", { nodes: one, scheme: "tcp" }, "/scheme UPSTREAM_SCHEME"],
    ["kafka", { nodes: one, scheme: "kafka" }, "/scheme UPSTREAM_SCHEME"],
    ["an unknown type", { nodes: one, type: "fastest" }, "/type UPSTREAM_TYPE"],
    [
      "a discovery that is not set up",
      { service_name: "a", discovery_type: "nacos" },
      "/discovery_type UPSTREAM_DISCOVERY",
    ],
    [
      "a discovery named like a property of objects",
      { service_name: "a", discovery_type: "constructor" },
      "/discovery_type UPSTREAM_DISCOVERY",
    ],
  ])("%s", (_, upstream, issue) => {
    expect(issuesOf(upstream)).toEqual([issue]);
  });

  test("everything that is wrong is told at once", () => {
    expect(issuesOf({ scheme: "udp", type: "x", service_name: "a", discovery_type: "b" })).toEqual([
      "/scheme UPSTREAM_SCHEME",
      "/discovery_type UPSTREAM_DISCOVERY",
      "/type UPSTREAM_TYPE",
    ]);
  });
});

describe("TLS of an upstream", () => {
  const https = (tls?: Upstream["tls"]): Upstream => ({
    scheme: "https",
    nodes: { "10.0.0.1:443": 1 },
    ...(tls === undefined ? {} : { tls }),
  });
  const originOf = (upstream: Upstream, more: Partial<UpstreamServices> = {}) =>
    compile(upstream, more).origins.find("10.0.0.1", 443, "api.test:443");

  test.each([
    [undefined, undefined, true],
    [undefined, false, false],
    [true, false, true],
    [false, true, false],
  ])("verify %p with the default %p is %p", (verify, byDefault, expected) => {
    const tls = byDefault === undefined ? {} : { tls: { verify: byDefault } };
    const upstream = https(verify === undefined ? undefined : { verify });
    expect(originOf(upstream, tls).tls?.verify).toBe(expected);
  });

  test("the server name is the Host without its port, never an address", () => {
    const { origins } = compile(https());
    expect(origins.find("10.0.0.1", 443, "api.test:8443").tls?.serverName).toBe("api.test");
    expect(origins.find("10.0.0.1", 443, "10.0.0.1:8443").tls?.serverName).toBeUndefined();
    expect(origins.find("10.0.0.1", 443, "[::1]:8443").tls?.serverName).toBeUndefined();
  });

  test("equal calls have one origin, others have pools of their own", () => {
    const { origins } = compile(https());
    const first = origins.find("10.0.0.1", 443, "a.test");
    expect(origins.find("10.0.0.1", 443, "a.test")).toBe(first);
    const keys = [
      first,
      origins.find("10.0.0.2", 443, "a.test"),
      origins.find("10.0.0.1", 443, "b.test"),
    ];
    keys.push(originOf(https({ verify: false })), originOf(https()));
    keys.push(originOf(https({ client_cert: client.certificate, client_key: client.key })));
    expect(new Set(keys.map(({ key }) => key)).size).toBe(keys.length);
  });

  test("a client whose Hosts never repeat does not fill memory", () => {
    const { origins } = compile(https());
    for (let i = 0; i < 2_000; i++) origins.find("10.0.0.1", 443, `h${i}.test`);
    expect(origins.size).toBeLessThanOrEqual(256);
  });

  test("authorities are the gateway's", () => {
    const more = { tls: { ca: authority.certificate } };
    expect(originOf(https(), more).tls?.ca).toBe(authority.certificate);
  });

  test("a client certificate may be an ssl resource", () => {
    const asked: string[] = [];
    const clientCertificate = (id: string) => {
      asked.push(id);
      return { certificate: client.certificate, key: client.key };
    };
    const origin = originOf(https({ client_cert_id: 7 }), { clientCertificate });
    expect(asked).toEqual(["7"]);
    expect(origin.tls).toMatchObject({
      clientCertificate: client.certificate,
      clientKey: client.key,
    });
  });

  test.each<[string, NonNullable<Upstream["tls"]>, string]>([
    ["of an unknown id", { client_cert_id: "x" }, "/tls/client_cert_id"],
    ["that is no PEM", { client_cert: "x", client_key: client.key }, "/tls/client_cert"],
    [
      "whose key is no PEM",
      { client_cert: client.certificate, client_key: "x" },
      "/tls/client_cert",
    ],
    [
      "with another's key",
      { client_cert: client.certificate, client_key: namedServer.key },
      "/tls/client_cert",
    ],
  ])("a client certificate %s is an issue", (_, tls, path) => {
    const clientCertificate = () => null;
    expect(issuesOf(https(tls), { clientCertificate })).toEqual([
      `${path} UPSTREAM_CLIENT_CERTIFICATE`,
    ]);
  });

  test("an issue never quotes a key", () => {
    const secret = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----";
    const tls = { client_cert: client.certificate, client_key: secret };
    expect(JSON.stringify(compileUpstream(https(tls), services))).not.toContain("c2VjcmV0");
  });
});

test("a route's timeouts are compiled the same way", () => {
  expect(compileTimeouts(undefined)).toBeUndefined();
  expect(compileTimeouts({ connect: 1, send: 0.5, read: 2 })).toEqual({
    connectMs: 1_000,
    sendMs: 500,
    readMs: 2_000,
  });
});
