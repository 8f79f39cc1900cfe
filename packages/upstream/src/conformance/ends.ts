import { expect } from "bun:test";
import { freePort, type RawPeer, startRawServer } from "@catena/testkit";
import { CancelScope } from "../transport/cancel-scope.ts";
import type { UpstreamCall } from "../transport/transport.ts";
import type { ConformanceContext } from "../transport.conformance.ts";
import { callOf, codeOf, originOf, until } from "./call-fixture.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const HALF = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha";
const short = { connectMs: 300, sendMs: 5_000, readMs: 60 };

/** That `onEnd` is called once for every call, when nothing of it is left. */
export function describeEnds(context: ConformanceContext): void {
  const outcomes: [string, (peer: RawPeer) => void, Partial<UpstreamCall>][] = [
    ["is answered", (peer) => peer.write(OK), {}],
    ["is answered without a body", (peer) => peer.write(OK), { method: "HEAD" }],
    ["is reset", (peer) => peer.reset(), { method: "POST", idempotent: false }],
    ["is answered with nonsense", (peer) => peer.write("nonsense\r\n\r\n"), { timeouts: short }],
    ["is not answered in time", () => {}, { timeouts: short }],
    ["is cut short", (peer) => peer.write(HALF), { timeouts: short }],
    ["has too large a reply", (peer) => peer.write(OK), { maxBodyBytes: 1 }],
  ];
  for (const [what, onRequest, more] of outcomes) {
    context.check(`onEnd is called once when a call ${what}`, async () => {
      const server = startRawServer({ onRequest: (_, peer) => onRequest(peer) });
      try {
        for (const buffered of [true, false]) {
          let ends = 0;
          const onEnd = (): void => {
            ends += 1;
          };
          const call = callOf(originOf(server.port), { ...more, buffered, onEnd });
          const reply = await context.transport().send(call).catch(codeOf);
          if (typeof reply !== "string" && reply.body instanceof ReadableStream)
            await new Response(reply.body).bytes().catch(codeOf);
          await until(() => ends > 0, "the call ended");
          await Bun.sleep(1);
          expect(ends).toBe(1);
        }
      } finally {
        server.stop();
      }
    });
  }

  context.check("onEnd is called once when nothing listens", async () => {
    let ends = 0;
    const onEnd = (): void => {
      ends += 1;
    };
    const call = callOf(originOf(await freePort()), { onEnd });
    expect(await context.transport().send(call).catch(codeOf)).toBe("UPSTREAM_REFUSED");
    expect(ends).toBe(1);
  });

  context.check("onEnd waits for the body of a reply that streams", async () => {
    let peer: RawPeer | null = null;
    const server = startRawServer({
      onRequest: (_, from) => {
        peer = from;
        from.write(HALF);
      },
    });
    let ends = 0;
    const onEnd = (): void => {
      ends += 1;
    };
    try {
      const call = callOf(originOf(server.port), { buffered: false, onEnd });
      const read = await context.transport().send(call);
      expect(ends).toBe(0);
      (peer as RawPeer | null)?.write("lf");
      if (read.body instanceof ReadableStream) await new Response(read.body).bytes();
      expect(ends).toBe(1);

      const dropped = await context.transport().send(call);
      if (dropped.body instanceof ReadableStream) await dropped.body.cancel();
      await until(() => ends === 2, "the call that was dropped ended");

      const cancel = new CancelScope();
      const given = await context.transport().send({ ...call, cancel });
      cancel.cancel("client-gone");
      await until(() => ends === 3, "the call that was given up ended");
      if (given.body instanceof ReadableStream)
        await new Response(given.body).bytes().catch(codeOf);
      expect(ends).toBe(3);
    } finally {
      server.stop();
    }
  });

  context.check("onEnd is called once for a call that is sent again", async () => {
    let count = 0;
    const server = startRawServer({
      onRequest: (_, peer) => {
        count += 1;
        if (count === 2) peer.end();
        else peer.write(OK);
      },
    });
    let ends = 0;
    const onEnd = (): void => {
      ends += 1;
    };
    try {
      await context.transport().send(callOf(originOf(server.port)));
      await context.transport().send(callOf(originOf(server.port), { onEnd }));
      expect(server.requests.length).toBe(3);
      expect(ends).toBe(1);
    } finally {
      server.stop();
    }
  });

  context.check("onEnd is not called for a call that does not begin", async () => {
    let ends = 0;
    const onEnd = (): void => {
      ends += 1;
    };
    const call = callOf(originOf(1), { onEnd, target: "no path" });
    expect(await context.transport().send(call).catch(codeOf)).toBe("UPSTREAM_BAD_CALL");
    expect(ends).toBe(0);
  });
}
