import { expect } from "bun:test";
import { type RawPeer, startRawServer } from "@catena/testkit";
import type { ConformanceContext } from "../transport.conformance.ts";
import { callOf, codeOf, originOf, outcomeOf, plainReply, until } from "./call-fixture.ts";

const MEGABYTE = 1024 * 1024;
const TOTAL = 50 * MEGABYTE;
/** What may be on its way when nobody reads: the kernel's buffers on both sides, and a piece. */
const IN_FLIGHT = 24 * MEGABYTE;
const PIECE = new Uint8Array(256 * 1024).fill(0x61);

/** Limits, streams in both directions, and back-pressure. */
export function describeBodies(context: ConformanceContext): void {
  const framings: [string, string][] = [
    ["of known length", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef"],
    ["in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n0\r\n\r\n"],
    ["until close", "HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nabcdef"],
  ];
  for (const [what, bytes] of framings) {
    context.check(`a body ${what} may be as large as the limit, not larger`, async () => {
      const server = startRawServer({
        onRequest: (_, peer) => {
          peer.write(bytes);
          if (what === "until close") peer.end();
        },
      });
      try {
        for (const buffered of [true, false]) {
          const call = callOf(originOf(server.port), { buffered, maxBodyBytes: 6 });
          expect(await outcomeOf(context.transport(), call)).toBe("200");
          const smaller = { ...call, maxBodyBytes: 5 };
          expect(await outcomeOf(context.transport(), smaller)).toBe("UPSTREAM_TOO_LARGE");
        }
      } finally {
        server.stop();
      }
    });
  }

  context.check("a body that arrives byte by byte is whole", async () => {
    const bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    const server = startRawServer({ onRequest: (_, peer) => writeSlowly(peer, bytes) });
    try {
      for (const buffered of [true, false]) {
        const call = callOf(originOf(server.port), { buffered });
        expect((await plainReply(await context.transport().send(call))).body).toBe("hello");
      }
    } finally {
      server.stop();
    }
  });

  context.check("a reply is handed out before its body is complete", async () => {
    let peer: RawPeer | null = null;
    const server = startRawServer({
      onRequest: (_, from) => {
        peer = from;
        from.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
      },
    });
    try {
      const call = callOf(originOf(server.port), { buffered: false });
      const { body } = await context.transport().send(call);
      if (!(body instanceof ReadableStream)) throw new Error("the body is not a stream");
      const reader = body.getReader();
      expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("first");
      (peer as RawPeer | null)?.write("after");
      expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("after");
      expect((await reader.read()).done).toBe(true);
    } finally {
      server.stop();
    }
  });

  context.check("a stream that nobody wants closes its connection", async () => {
    const server = startRawServer({
      onRequest: (_, peer) => peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst"),
    });
    try {
      const call = callOf(originOf(server.port), { buffered: false });
      const { body } = await context.transport().send(call);
      if (!(body instanceof ReadableStream)) throw new Error("the body is not a stream");
      await body.cancel();
      await until(() => server.openCount === 0, "the connection is closed");
      expect(context.transport().stats().activeCalls).toBe(0);
    } finally {
      server.stop();
    }
  });

  context.check("a slow reader holds the upstream back, then gets 50 MB", async () => {
    let left = TOTAL;
    const more = (peer: RawPeer): void => {
      while (left > 0 && peer.backlog === 0) {
        left -= PIECE.byteLength;
        peer.write(PIECE);
      }
    };
    const server = startRawServer({
      onRequest: (_, peer) => peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${TOTAL}\r\n\r\n`),
      onDrain: more,
    });
    try {
      const call = callOf(originOf(server.port), { buffered: false });
      const { body } = await context.transport().send(call);
      if (!(body instanceof ReadableStream)) throw new Error("the body is not a stream");
      const reader = body.getReader();
      await reader.read();
      await settled(() => left);
      expect(TOTAL - left).toBeLessThan(IN_FLIGHT);
      const before = process.memoryUsage.rss();
      let read = 0;
      for (let next = await reader.read(); !next.done; next = await reader.read())
        read += next.value.byteLength;
      expect(read).toBeGreaterThan(TOTAL - IN_FLIGHT);
      expect(left).toBe(0);
      Bun.gc(true);
      expect(process.memoryUsage.rss() - before).toBeLessThan(IN_FLIGHT * 2);
    } finally {
      server.stop();
    }
  });

  context.check("a slow upstream holds the request's stream back, then gets 50 MB", async () => {
    let peer: RawPeer | null = null;
    const server = startRawServer({
      keepBodies: false,
      onHead: (_, from) => {
        peer = from;
        from.pause();
      },
      onRequest: (_, from) => from.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    });
    let given = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        given += PIECE.byteLength;
        controller.enqueue(PIECE);
        if (given >= TOTAL) controller.close();
      },
    });
    try {
      const call = callOf(originOf(server.port), { method: "POST", body, idempotent: false });
      const outcome = outcomeOf(context.transport(), call);
      await until(() => peer !== null, "the request is there");
      await settled(() => given);
      expect(given).toBeLessThan(IN_FLIGHT);
      (peer as RawPeer | null)?.resume();
      expect(await outcome).toBe("200");
      expect(server.requests.at(-1)?.bodyBytes).toBe(TOTAL);
    } finally {
      server.stop();
    }
  });

  context.check("a reply before the request is complete is handed out", async () => {
    const server = startRawServer({
      onHead: (_, peer) => peer.write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"),
      keepBodies: false,
    });
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(PIECE),
      cancel: () => {
        cancelled = true;
      },
    });
    try {
      const call = callOf(originOf(server.port), { method: "POST", body, idempotent: false });
      expect(await outcomeOf(context.transport(), call)).toBe("413");
      await until(() => cancelled, "the source learns that the rest is not wanted");
      await until(() => server.openCount === 0, "the connection is closed");
    } finally {
      server.stop();
    }
  });

  context.check("a request body that fails never looks complete upstream", async () => {
    let complete = false;
    const server = startRawServer({
      onRequest: () => {
        complete = true;
      },
    });
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array([1])),
      async pull(controller) {
        await until(() => server.requests.length > 0, "the request has begun");
        controller.error(new Error("the client went away"));
      },
    });
    try {
      const call = callOf(originOf(server.port), { method: "POST", body, idempotent: false });
      const error = await context
        .transport()
        .send(call)
        .then(() => "answered", codeOf);
      expect(error).toBe("UPSTREAM_CANCELLED");
      await until(() => server.openCount === 0, "the connection is closed");
      expect(complete).toBe(false);
    } finally {
      server.stop();
    }
  });
}

/** Writes one byte per turn of the event loop. */
function writeSlowly(peer: RawPeer, bytes: string, at = 0): void {
  if (at >= bytes.length) return;
  peer.write(bytes[at] ?? "");
  setTimeout(() => writeSlowly(peer, bytes, at + 1), 1);
}

/** Resolves when a figure has stood still for a while. */
async function settled(figure: () => number): Promise<void> {
  let last = -1;
  let still = 0;
  while (still < 10) {
    await Bun.sleep(10);
    still = figure() === last ? still + 1 : 0;
    last = figure();
  }
}
