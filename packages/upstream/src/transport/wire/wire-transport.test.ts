import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { freePort, type RawPeer, type RawServerOptions, startRawServer } from "@catena/testkit";
import { callOf, originOf, outcomeOf, until } from "../../conformance/call-fixture.ts";
import { authority, namedServer } from "../../conformance/test-certificates.ts";
import { describeTransport } from "../../transport.conformance.ts";
import type { KeepalivePolicy } from "../transport.ts";
import { createWireTransport, type WireOptions } from "./wire-transport.ts";

describeTransport("wire", createWireTransport);

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A server, a transport, and an origin with the given policy. */
function fixture(
  onRequest: RawServerOptions["onRequest"] = (_, peer) => peer.write(OK),
  policy: Partial<KeepalivePolicy> = {},
  options: WireOptions = {},
) {
  const server = startRawServer({ ...(onRequest === undefined ? {} : { onRequest }) });
  const transport = createWireTransport(options);
  cleanups.push(
    () => server.stop(),
    () => transport.close(),
  );
  const keepalive = { size: 8, idleMs: 60_000, requests: 1_000, ...policy };
  const origin = originOf(server.port, { keepalive });
  return { server, transport, origin, call: callOf(origin) };
}

/** Answers only when `count` requests are there, so that they are in flight together. */
function together(count: number): NonNullable<RawServerOptions["onRequest"]> {
  const waiting: RawPeer[] = [];
  return (_, peer) => {
    waiting.push(peer);
    if (waiting.length < count) return;
    for (const one of waiting.splice(0)) one.write(OK);
  };
}

describe("pool", () => {
  test("keeps no more idle connections than its size", async () => {
    const { transport, server, call } = fixture(together(3), { size: 1 });
    await Promise.all([1, 2, 3].map(() => transport.send(call)));
    expect(transport.stats()).toEqual({ openConnections: 1, idleConnections: 1, activeCalls: 0 });
    await until(() => server.openCount === 1, "the others are closed");
  });

  test("closes a connection after its number of requests", async () => {
    const { transport, server, call } = fixture(undefined, { requests: 2 });
    for (let i = 0; i < 5; i++) await transport.send(call);
    expect(server.requests.map(({ connection }) => connection)).toEqual([1, 1, 2, 2, 3]);
  });

  test("closes a connection that was idle too long", async () => {
    const { transport, server, call } = fixture(undefined, { idleMs: 30 });
    await transport.send(call);
    await until(() => server.openCount === 0, "the idle connection is closed");
    expect(transport.stats().openConnections).toBe(0);
  });

  test("uses the connection that was used last", async () => {
    const peers: RawPeer[] = [];
    const { transport, server, call } = fixture((request, peer) => {
      if (request.target === "/now") peer.write(OK);
      else peers.push(peer);
    });
    const first = transport.send(call);
    const second = transport.send(call);
    await until(() => peers.length === 2, "both requests are there");
    peers.find((peer) => peer.connection === 2)?.write(OK);
    peers.find((peer) => peer.connection === 1)?.write(OK);
    await Promise.all([first, second]);
    const last = transport.stats().idleConnections;
    expect(last).toBe(2);
    await transport.send({ ...call, target: "/now" });
    await transport.send({ ...call, target: "/now" });
    const [a, b] = server.requests.slice(-2).map(({ connection }) => connection);
    expect(a).toBe(b!);
  });

  test("gives up an idle connection before the peer says it will", async () => {
    const hinted = "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n";
    const { transport, call } = fixture((_, peer) => peer.write(hinted));
    await transport.send(call);
    expect(transport.stats().openConnections).toBe(0);
  });

  test("refuses a call when too many connections are open", async () => {
    const { transport, call } = fixture(together(2), {}, { maxConnections: 2 });
    const running = transport.send(call);
    const refused = transport.send(call);
    const third = transport.send(call);
    await expect(third).rejects.toMatchObject({
      code: "UPSTREAM_REFUSED",
      details: { sent: false, reason: "too many connections are open" },
    });
    await Promise.all([running, refused]);
    expect(transport.stats().activeCalls).toBe(0);
  });

  test("a pool of size 0 asks the peer to close", async () => {
    const { transport, server, call } = fixture(undefined, { size: 0 });
    await transport.send(call);
    expect(server.requests[0]?.headerLines).toContain("Connection: close");
    expect(transport.stats().openConnections).toBe(0);
  });

  test.each([
    ["HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"],
    ["GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"],
    ["GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ])("closes a connection that may still bring a body: %s, %j", async (method, reply) => {
    const { transport, call } = fixture((_, peer) => peer.write(reply));
    await transport.send({ ...call, method });
    expect(transport.stats().openConnections).toBe(0);
  });
});

describe("writing", () => {
  test("a small request is one write", async () => {
    const pieces: number[] = [];
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket, chunk) {
          pieces.push(chunk.length);
          socket.write(OK);
        },
      },
    });
    const transport = createWireTransport();
    cleanups.push(
      () => listener.stop(true),
      () => transport.close(),
    );
    const call = callOf(originOf(listener.port), { method: "POST" });
    await transport.send({ ...call, body: "x".repeat(5_000) });
    await transport.send({ ...call, body: "\u00e9".repeat(5_000) });
    await transport.send({ ...call, body: new Uint8Array(5_000) });
    expect(pieces.length).toBe(3);
  });

  test("a peer that takes nothing ends in a send timeout", async () => {
    const server = startRawServer({ keepBodies: false, onHead: (_, peer) => peer.pause() });
    const transport = createWireTransport();
    cleanups.push(
      () => server.stop(),
      () => transport.close(),
    );
    const timeouts = { connectMs: 5_000, sendMs: 60, readMs: 5_000 };
    for (const body of [Buffer.alloc(30_000_000), new Blob([Buffer.alloc(30_000_000)]).stream()]) {
      const call = callOf(originOf(server.port), { method: "POST", body, timeouts });
      expect(await outcomeOf(transport, call)).toBe("UPSTREAM_SEND_TIMEOUT");
    }
  });

  test("a slow source is not the peer's fault", async () => {
    const { transport, call } = fixture();
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        for (let i = 0; i < 3; i++) {
          await Bun.sleep(60);
          controller.enqueue(new Uint8Array(1));
        }
        controller.close();
      },
    });
    const timeouts = { connectMs: 5_000, sendMs: 40, readMs: 5_000 };
    expect(await outcomeOf(transport, { ...call, method: "POST", body, timeouts })).toBe("200");
  });

  test("a stream is never sent twice", async () => {
    const { transport, server, call } = fixture((request, peer) =>
      request.method === "GET" ? peer.write(OK) : peer.end(),
    );
    await transport.send(call);
    const body = new Blob(["once"]).stream();
    const outcome = await outcomeOf(transport, { ...call, method: "PUT", body, idempotent: true });
    expect(outcome).toBe("UPSTREAM_RESET");
    expect(server.requests.map(({ method }) => method)).toEqual(["GET", "PUT"]);
  });
});

test("a slow reader is not the peer's fault", async () => {
  const { transport, call } = fixture((_, peer) => {
    peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${20_000_000}\r\n\r\n`);
    peer.write(Buffer.alloc(20_000_000));
  });
  const timeouts = { connectMs: 5_000, sendMs: 5_000, readMs: 60 };
  const { body } = await transport.send({ ...call, buffered: false, timeouts });
  if (!(body instanceof ReadableStream)) throw new Error("the body is not a stream");
  await Bun.sleep(200);
  expect((await new Response(body).bytes()).byteLength).toBe(20_000_000);
});

test("an IPv6 address is connected to", async () => {
  const server = Bun.serve({ hostname: "::1", port: 0, fetch: () => new Response("six") });
  const transport = createWireTransport();
  cleanups.push(
    () => server.stop(true),
    () => transport.close(),
  );
  const origin = originOf(server.port ?? 0, { address: "::1" });
  expect(await outcomeOf(transport, callOf(origin))).toBe("200");
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
  const transport = createWireTransport();
  const tls = { cert: namedServer.certificate, key: namedServer.key };
  const answer: RawServerOptions["onRequest"] = (request, peer) => {
    if (request.target === "/ok") peer.write(OK);
    else if (request.target === "/reset") peer.reset();
    else if (request.target === "/close") peer.end();
    else if (request.target === "/half") peer.write(OK.slice(0, -1));
  };
  const plain = startRawServer({ onRequest: answer });
  const secure = startRawServer({ onRequest: answer, tls });
  const silent = startRawServer({});
  const trusted = { verify: true, ca: authority.certificate, serverName: "api.test" };
  const https = (port: number, key: string, more: object = {}) =>
    originOf(port, { key, scheme: "https", tls: { ...trusted, ...more } });
  const origins = [
    originOf(plain.port),
    https(secure.port, "good"),
    https(secure.port, "wrong name", { serverName: "other.test" }),
    https(plain.port, "no TLS"),
    https(silent.port, "no handshake"),
    originOf(await freePort(), { key: "refused" }),
  ];
  const targets = ["/ok", "/reset", "/close", "/half", "/silent"];
  const timeouts = { connectMs: 60, sendMs: 1_000, readMs: 60 };
  for (let round = 0; round < 4; round++) {
    await Promise.all(
      origins.flatMap((origin) =>
        targets.flatMap((target) =>
          [true, false].map((buffered) =>
            outcomeOf(transport, callOf(origin, { target, buffered, timeouts })),
          ),
        ),
      ),
    );
  }
  expect(transport.stats().activeCalls).toBe(0);
  await transport.close();
  for (const server of [plain, secure, silent]) server.stop();
  await until(() => socketCount() <= before, "every socket is closed");
  expect(transport.stats().openConnections).toBe(0);
});
