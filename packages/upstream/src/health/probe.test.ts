import { afterAll, afterEach, describe, expect, test } from "bun:test";
import type { HealthCheck } from "@catena/schema";
import { freePort, type RawServerOptions, startRawServer } from "@catena/testkit";
import { until } from "../conformance/call-fixture.ts";
import { authority, client, namedServer } from "../conformance/test-certificates.ts";
import { CancelScope } from "../transport/cancel-scope.ts";
import { createTransport } from "../transport/create-transport.ts";
import { compileChecks } from "./check-policy.ts";
import { type ProbeMeans, type ProbeOutcome, probe } from "./probe.ts";

const transport = createTransport();
afterAll(() => transport.close());
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function startServer(options: RawServerOptions) {
  const server = startRawServer(options);
  cleanups.push(() => server.stop());
  return server;
}

type ActiveConf = NonNullable<HealthCheck["active"]>;

function run(port: number, active: ActiveConf, more: Partial<ProbeMeans> = {}, host = "node.test") {
  const policy = compileChecks({ active: { timeout: 0.08, ...active } }, []).active;
  const means = { transport, tls: {}, cancel: new CancelScope(), ...more };
  return probe(policy, { address: "127.0.0.1", port, host }, means);
}

describe("what a probe finds", () => {
  test.each<[string, string, ProbeOutcome]>([
    ["a status", "HTTP/1.1 204 X\r\n\r\n", 204],
    ["a status before the body is there", "HTTP/1.1 500 X\r\nContent-Length: 999\r\n\r\n", 500],
    ["what is no HTTP", "nonsense\r\n\r\n", 0],
  ])("%s", async (_, reply, expected) => {
    const { port } = startServer({ onRequest: (_request, peer) => peer.write(reply) });
    expect(await run(port, {})).toBe(expected);
  });

  test("a closed port", async () => {
    expect(await run(await freePort(), {})).toBe("tcp");
    expect(await run(await freePort(), { type: "tcp" })).toBe("tcp");
  });

  test("a connection that is closed or reset", async () => {
    for (const act of ["end", "reset"] as const) {
      const { port } = startServer({ onRequest: (_, peer) => peer[act]() });
      expect(await run(port, {})).toBe("tcp");
    }
  });

  test("silence", async () => {
    const { port } = startServer({});
    expect(await run(port, {})).toBe("timeout");
  });

  test("an open port, for type tcp without a word said", async () => {
    const server = startServer({});
    expect(await run(server.port, { type: "tcp" })).toBe("open");
    await until(() => server.openCount === 0, "the connection is closed");
    expect(server.requests.length).toBe(0);
  });

  test("nothing when it is given up", async () => {
    const { port } = startServer({});
    const cancel = new CancelScope();
    const found = run(port, { timeout: 9 }, { cancel });
    cancel.cancel("superseded");
    expect(await found).toBe("nothing");
  });
});

describe("what a probe sends", () => {
  const sent = async (active: ActiveConf) => {
    const server = startServer({
      onRequest: (_, peer) => peer.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    });
    await run(server.port, active);
    await until(() => server.openCount === 0, "the connection is closed");
    const [request] = server.requests;
    return { ...request, body: request?.body.toString() };
  };

  test("a GET of the path, the headers, Host, and that the connection ends", async () => {
    const req_headers = ["User-Agent: curl/7", "X-A: 1"];
    expect(await sent({ http_path: "/status", req_headers })).toMatchObject({
      method: "GET",
      target: "/status",
      headerLines: ["User-Agent: curl/7", "X-A: 1", "Host: node.test", "Connection: close"],
    });
  });

  test("the method and body", async () => {
    expect(await sent({ http_method: "POST", http_req_body: "ping" })).toMatchObject({
      method: "POST",
      body: "ping",
    });
  });

  test("a Host of the headers in place of the node's", async () => {
    const { headerLines } = await sent({ req_headers: ["host: own.test"] });
    expect(headerLines).toEqual(["host: own.test", "Connection: close"]);
  });
});

describe("probes over TLS", () => {
  const tlsServer = (options: object = {}) =>
    startServer({
      onRequest: (_, peer) => peer.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
      tls: { cert: namedServer.certificate, key: namedServer.key, ...options },
    });
  const trusted = { tls: { ca: authority.certificate } };

  test.each<[string, ActiveConf, Partial<ProbeMeans>, string, ProbeOutcome]>([
    ["a good certificate", {}, trusted, "api.test:8443", 200],
    ["a certificate for another name", {}, trusted, "other.test", "tcp"],
    ["an unknown authority", {}, {}, "api.test", "tcp"],
    ["no verification", { https_verify_certificate: false }, {}, "other.test", 200],
    ["no name to verify", {}, trusted, "127.0.0.1", "tcp"],
  ])("%s", async (_, active, means, host, expected) => {
    const { port } = tlsServer();
    expect(await run(port, { type: "https", timeout: 2, ...active }, means, host)).toBe(expected);
  });

  test("the upstream's client certificate is shown", async () => {
    const asks = { requestCert: true, rejectUnauthorized: true, ca: authority.certificate };
    const { port } = tlsServer(asks);
    const active: ActiveConf = { type: "https", timeout: 2 };
    const tls = {
      ...trusted.tls,
      clientCertificate: client.certificate,
      clientKey: client.key,
    };
    expect(await run(port, active, trusted, "api.test")).toBe("tcp");
    expect(await run(port, active, { tls }, "api.test")).toBe(200);
  });
});
