import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import { createServer as createTlsServer } from "node:tls";
import {
  callOf,
  codeOf,
  originOf,
  outcomeOf,
  plainReply,
  until,
} from "../../conformance/call-fixture.ts";
import {
  addressServer,
  authority,
  client,
  expiredServer,
  namedServer,
} from "../../conformance/test-certificates.ts";
import type { OriginTls } from "../transport.ts";
import { createH2Transport } from "./h2-transport.ts";
import { cleanUp, cleanups } from "./peer-fixture.ts";
import { type Answer, echo, listen, ok, portOf, serverFixture } from "./server-fixture.ts";

afterEach(cleanUp);

describe("connections", () => {
  test("calls at the same time share one", async () => {
    const waiting: ServerHttp2Stream[] = [];
    const { transport, call, connections } = await serverFixture((stream) => {
      waiting.push(stream);
      if (waiting.length === 50) for (const one of waiting) ok(one, {});
    });
    await Promise.all(Array.from({ length: 50 }, () => transport.send(call)));
    expect(connections()).toBe(1);
    expect(transport.stats()).toEqual({ openConnections: 1, idleConnections: 1, activeCalls: 0 });
  });

  test("more are opened when the server takes no more streams", async () => {
    const waiting: ServerHttp2Stream[] = [];
    const together: Answer = (stream) => {
      waiting.push(stream);
      if (waiting.length === 7) for (const one of waiting) ok(one, {});
    };
    const { transport, call, connections } = await serverFixture(together, {}, {}, 3);
    await Promise.all(Array.from({ length: 7 }, () => transport.send(call)));
    expect(connections()).toBe(3);
  });

  test("a call is refused when too many are open", async () => {
    let waiting: ServerHttp2Stream | null = null;
    const hold: Answer = (stream) => {
      waiting = stream;
    };
    const { transport, call } = await serverFixture(hold, {}, { maxConnections: 1 }, 1);
    const running = transport.send(call);
    await until(() => waiting !== null, "the first call is there");
    await expect(transport.send(call)).rejects.toMatchObject({
      code: "UPSTREAM_REFUSED",
      details: { sent: false },
    });
    ok(waiting as unknown as ServerHttp2Stream, {});
    expect((await running).status).toBe(200);
  });

  test("a pool of size 0 keeps none; one is closed after its number of calls", async () => {
    const none = await serverFixture(ok, {
      keepalive: { size: 0, idleMs: 60_000, requests: 1_000 },
    });
    for (let i = 0; i < 2; i++) await none.transport.send(none.call);
    expect(none.connections()).toBe(2);
    expect(none.transport.stats().openConnections).toBe(0);
    const two = await serverFixture(ok, { keepalive: { size: 8, idleMs: 60_000, requests: 2 } });
    for (let i = 0; i < 5; i++) await two.transport.send(two.call);
    expect(two.connections()).toBe(3);
  });

  test("an idle one is closed after its time", async () => {
    const { transport, call } = await serverFixture(ok, {
      keepalive: { size: 8, idleMs: 30, requests: 1_000 },
    });
    await transport.send(call);
    await until(() => transport.stats().openConnections === 0, "the idle connection is closed");
  });

  test("closing waits for the calls in flight, and takes no more", async () => {
    let waiting: ServerHttp2Stream | null = null;
    const { transport, call } = await serverFixture((stream) => {
      waiting = stream;
    });
    const running = outcomeOf(transport, call);
    await until(() => waiting !== null, "the request is there");
    let isClosed = false;
    const closing = transport.close().then(() => {
      isClosed = true;
    });
    expect(await outcomeOf(transport, call)).toBe("UPSTREAM_CANCELLED");
    expect(isClosed).toBe(false);
    ok(waiting as unknown as ServerHttp2Stream, {});
    expect(await running).toBe("200");
    await closing;
    expect(transport.stats()).toEqual({ openConnections: 0, idleConnections: 0, activeCalls: 0 });
  });
});

describe("TLS", () => {
  const trusted = { verify: true, ca: authority.certificate };
  const named = { ...trusted, serverName: "api.test" };
  const shown = { clientCertificate: client.certificate, clientKey: client.key };
  const cases: [string, typeof namedServer | typeof addressServer, boolean, OriginTls, string][] = [
    ["a certificate for the name is taken", namedServer, false, named, "200"],
    ["a certificate for the address is taken", addressServer, false, trusted, "200"],
    [
      "a certificate for another name is refused",
      namedServer,
      false,
      { ...trusted, serverName: "other.test" },
      "UPSTREAM_TLS",
    ],
    [
      "an unknown authority is refused",
      namedServer,
      false,
      { verify: true, serverName: "api.test" },
      "UPSTREAM_TLS",
    ],
    ["a client certificate is shown", namedServer, true, { ...named, ...shown }, "200"],
    ["a missing client certificate is an error", namedServer, true, named, "UPSTREAM_TLS"],
  ];
  test.each(cases)("%s", async (_, { certificate, key }, asksClient, tls, outcome) => {
    const asking = asksClient
      ? { requestCert: true, rejectUnauthorized: true, ca: authority.certificate }
      : {};
    const server = createSecureServer({ cert: certificate, key, ...asking });
    const port = await listen(server, echo);
    const transport = createH2Transport();
    cleanups.push(() => transport.close());
    const call = callOf(originOf(port, { key: "h2", scheme: "grpcs", tls }));
    const reply = await transport.send(call).catch(codeOf);
    if (typeof reply === "string") expect(reply).toBe(outcome);
    else expect((await plainReply(reply)).body).toContain('":scheme":"https"');
    expect(transport.stats().activeCalls).toBe(0);
  });

  test("any certificate is taken with verification off", async () => {
    const { certificate, key } = expiredServer;
    const port = await listen(createSecureServer({ cert: certificate, key }), ok);
    const transport = createH2Transport();
    cleanups.push(() => transport.close());
    const tls = { verify: false, serverName: "other.test" };
    const call = callOf(originOf(port, { key: "h2", scheme: "grpcs", tls }));
    expect(await outcomeOf(transport, call)).toBe("200");
  });

  test("a server that does not choose h2 is an error of TLS; nothing was sent", async () => {
    const { certificate, key } = namedServer;
    let bytes = 0;
    const server = createTlsServer({ cert: certificate, key }, (socket) => {
      socket.on("error", () => {});
      socket.on("data", (piece) => {
        bytes += piece.length;
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const transport = createH2Transport();
    cleanups.push(
      () => server.close(),
      () => transport.close(),
    );
    const origin = originOf(portOf(server.address()), { key: "h2", scheme: "grpcs", tls: named });
    await expect(transport.send(callOf(origin))).rejects.toMatchObject({
      code: "UPSTREAM_TLS",
      details: { sent: false, reason: "the server does not choose HTTP/2 (ALPN h2)" },
    });
    expect(bytes).toBe(0);
  });
});

/** Sockets this process holds, by what Linux says; other systems do not tell. */
const socketCount = (): number =>
  (existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd") : []).filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
    } catch {
      return false;
    }
  }).length;

test("churn of every kind leaves no socket open", async () => {
  const before = socketCount();
  const answer: Answer = (stream, headers) => {
    if (headers[":path"] === "/ok") ok(stream, headers);
    if (headers[":path"] === "/close") stream.session?.destroy();
    if (headers[":path"] === "/half") {
      stream.respond({ ":status": 200 });
      stream.write("part");
    }
  };
  const { transport, call } = await serverFixture(answer, {}, {}, 4);
  const timeouts = { connectMs: 1_000, sendMs: 1_000, readMs: 40 };
  for (let round = 0; round < 4; round++) {
    const calls = ["/ok", "/close", "/half", "/silent"].flatMap((target) =>
      [true, false].map((buffered) =>
        outcomeOf(transport, { ...call, target, buffered, timeouts }),
      ),
    );
    await Promise.all(calls);
  }
  expect(transport.stats().activeCalls).toBe(0);
  await cleanUp();
  await until(() => socketCount() <= before, "every socket is closed");
  expect(transport.stats().openConnections).toBe(0);
});
