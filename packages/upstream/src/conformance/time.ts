import { afterAll, beforeAll, expect } from "bun:test";
import { type RawPeer, type RawServer, startRawServer } from "@catena/testkit";
import { CancelScope } from "../transport/cancel-scope.ts";
import type { UpstreamCall } from "../transport/transport.ts";
import type { ConformanceContext } from "../transport.conformance.ts";
import { callOf, codeOf, GENEROUS_MS, originOf, outcomeOf, until } from "./call-fixture.ts";

const SHORT_MS = 60;
// fetch adds `connectMs` to the wait for the head, so it is not generous here.
const short = { connectMs: 300, sendMs: GENEROUS_MS, readMs: SHORT_MS };

/** Timeouts of the phases, the deadline, and giving up; afterwards the connection is gone. */
export function describeTime(context: ConformanceContext): void {
  let server: RawServer;
  const trickles = new Set<ReturnType<typeof setInterval>>();

  beforeAll(() => {
    server = startRawServer({
      onHead: ({ target }, peer) => {
        const head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
        if (target === "/half-head") peer.write("HTTP/1.1 200 OK\r\nX-A: ");
        if (target === "/half-body") peer.write(`${head}part`);
        if (target === "/trickle") trickle(peer, head);
      },
    });
  });
  afterAll(() => {
    for (const timer of trickles) clearInterval(timer);
    server.stop();
  });

  /** One byte every few milliseconds: never silent for long, never done. */
  const trickle = (peer: RawPeer, head: string): void => {
    peer.write(head);
    const timer = setInterval(() => peer.write("."), 10);
    trickles.add(timer);
  };

  const failWith = async (code: string, more: Partial<UpstreamCall>): Promise<void> => {
    const open = server.openCount;
    for (const buffered of [true, false]) {
      const call = callOf(originOf(server.port), { buffered, ...more });
      expect(await outcomeOf(context.transport(), call)).toBe(code);
    }
    await until(() => server.openCount <= open, "the connections of failed calls are closed");
  };

  for (const target of ["/silent", "/half-head", "/half-body"]) {
    context.check(`silence ends in a read timeout: ${target.slice(1)}`, async () => {
      await failWith("UPSTREAM_READ_TIMEOUT", { target, timeouts: short });
    });
    context.check(`the deadline ends a call: ${target.slice(1)}`, async () => {
      const deadline = () => performance.now() + SHORT_MS;
      const open = server.openCount;
      const call = callOf(originOf(server.port), { target, deadlineAt: deadline() });
      expect(await outcomeOf(context.transport(), call)).toBe("UPSTREAM_DEADLINE");
      await until(() => server.openCount <= open, "the connection is closed");
    });
  }

  context.check("a trickle is no silence, but the deadline ends it", async () => {
    const call = callOf(originOf(server.port), {
      target: "/trickle",
      timeouts: { ...short, readMs: 1_000 },
      deadlineAt: performance.now() + 150,
    });
    expect(await outcomeOf(context.transport(), call)).toBe("UPSTREAM_DEADLINE");
  });

  context.check("a deadline that has passed sends nothing", async () => {
    const before = server.requests.length;
    const call = callOf(originOf(server.port), { deadlineAt: performance.now() - 1 });
    await expect(context.transport().send(call)).rejects.toMatchObject({
      code: "UPSTREAM_DEADLINE",
      details: { sent: false },
    });
    expect(server.requests.length).toBe(before);
  });

  context.check("a call given up before it starts sends nothing", async () => {
    const before = server.requests.length;
    const cancel = new CancelScope();
    cancel.cancel("client-gone");
    await expect(
      context.transport().send(callOf(originOf(server.port), { cancel })),
    ).rejects.toMatchObject({ code: "UPSTREAM_CANCELLED", details: { sent: false } });
    expect(server.requests.length).toBe(before);
  });

  for (const target of ["/silent", "/half-head", "/half-body"]) {
    context.check(`a call can be given up: ${target.slice(1)}`, async () => {
      const cancel = new CancelScope();
      const seen = server.requests.length;
      const open = server.openCount;
      const outcome = outcomeOf(
        context.transport(),
        callOf(originOf(server.port), { target, cancel }),
      );
      await until(() => server.requests.length > seen, "the request is there");
      cancel.cancel("sibling-failed");
      expect(await outcome).toBe("UPSTREAM_CANCELLED");
      await until(() => server.openCount <= open, "the connection is closed");
    });
  }

  context.check("a scope that ends by deadline gives a deadline error", async () => {
    const cancel = new CancelScope();
    const outcome = outcomeOf(context.transport(), callOf(originOf(server.port), { cancel }));
    cancel.cancel("deadline");
    expect(await outcome).toBe("UPSTREAM_DEADLINE");
  });

  context.check("giving up while the body streams fails the stream", async () => {
    const cancel = new CancelScope();
    const call = callOf(originOf(server.port), { target: "/half-body", cancel, buffered: false });
    const { body } = await context.transport().send(call);
    if (!(body instanceof ReadableStream)) throw new Error("the body is not a stream");
    const reader = body.getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("part");
    const rest = reader.read().then(() => "ended", codeOf);
    cancel.cancel("client-gone");
    expect(await rest).toBe("UPSTREAM_CANCELLED");
  });

  context.check("a call that ended no longer listens to its scope", async () => {
    const answering = startRawServer({
      onRequest: (_, peer) => peer.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    });
    try {
      const cancel = new CancelScope();
      const call = callOf(originOf(answering.port), { cancel });
      expect(await outcomeOf(context.transport(), call)).toBe("200");
      cancel.cancel("shutdown");
      expect(await outcomeOf(context.transport(), { ...call, cancel: null })).toBe("200");
    } finally {
      answering.stop();
    }
  });
}
