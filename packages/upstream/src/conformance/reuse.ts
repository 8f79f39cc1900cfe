import { expect } from "bun:test";
import { type RawPeer, type RawServer, startRawServer } from "@catena/testkit";
import { CancelScope } from "../transport/cancel-scope.ts";
import type { Transport, UpstreamCall } from "../transport/transport.ts";
import type { ConformanceContext } from "../transport.conformance.ts";
import { callOf, codeOf, originOf, outcomeOf, until } from "./call-fixture.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const POST: Partial<UpstreamCall> = { method: "POST", body: "once", idempotent: false };

/** Which connections carry a second call, what is sent twice, and what is left behind. */
export function describeReuse(context: ConformanceContext, open: () => Transport): void {
  const withServer = async (
    onRequest: (peer: RawPeer, count: number) => void,
    run: (server: RawServer) => Promise<void>,
  ): Promise<void> => {
    let count = 0;
    const server = startRawServer({ onRequest: (_, peer) => onRequest(peer, ++count) });
    try {
      await run(server);
    } finally {
      server.stop();
    }
  };

  context.check("calls one after another share a connection", () =>
    withServer(
      (peer) => peer.write(OK),
      async (server) => {
        for (let i = 0; i < 5; i++)
          expect(await outcomeOf(context.transport(), callOf(originOf(server.port)))).toBe("200");
        expect(server.connectionCount).toBe(1);
      },
    ),
  );

  context.check("calls at the same time have a connection each", async () => {
    const waiting: RawPeer[] = [];
    const server = startRawServer({
      onRequest: (_, peer) => {
        waiting.push(peer);
        if (waiting.length === 3) for (const one of waiting) one.write(OK);
      },
    });
    try {
      const call = callOf(originOf(server.port));
      const outcomes = [1, 2, 3].map(() => outcomeOf(context.transport(), call));
      expect(await Promise.all(outcomes)).toEqual(["200", "200", "200"]);
      expect(server.connectionCount).toBe(3);
    } finally {
      server.stop();
    }
  });

  context.check("a pool of size 0 keeps nothing", () =>
    withServer(
      (peer) => peer.write(OK),
      async (server) => {
        const keepalive = { size: 0, idleMs: 60_000, requests: 1_000 };
        const call = callOf(originOf(server.port, { keepalive }));
        await context.transport().send(call);
        await context.transport().send(call);
        expect(server.connectionCount).toBe(2);
      },
    ),
  );

  /** What a server does to the second request on a connection. */
  const betrayals: [string, (peer: RawPeer) => void][] = [
    ["closed", (peer) => peer.end()],
    ["reset", (peer) => peer.reset()],
  ];
  for (const [what, betray] of betrayals) {
    context.check(`GET is sent again when a kept connection is ${what} under it`, () =>
      withServer(
        (peer, count) => (count === 2 ? betray(peer) : peer.write(OK)),
        async (server) => {
          const call = callOf(originOf(server.port));
          expect(await outcomeOf(context.transport(), call)).toBe("200");
          expect(await outcomeOf(context.transport(), call)).toBe("200");
          expect(server.requests.length).toBe(3);
          expect(server.connectionCount).toBe(2);
        },
      ),
    );

    context.check(`GET is sent again only once: ${what}`, () =>
      withServer(
        (peer, count) => (count === 1 ? peer.write(OK) : betray(peer)),
        async (server) => {
          const call = callOf(originOf(server.port));
          expect(await outcomeOf(context.transport(), call)).toBe("200");
          expect(await outcomeOf(context.transport(), call)).toBe("UPSTREAM_RESET");
          expect(server.requests.length).toBeLessThanOrEqual(3);
        },
      ),
    );

    context.check(`POST is not sent again when a kept connection is ${what} under it`, () =>
      withServer(
        (peer, count) => (count === 1 ? peer.write(OK) : betray(peer)),
        async (server) => {
          expect(await outcomeOf(context.transport(), callOf(originOf(server.port)))).toBe("200");
          const failure = context.transport().send(callOf(originOf(server.port), POST));
          await expect(failure).rejects.toMatchObject({
            code: "UPSTREAM_RESET",
            details: { sent: true },
          });
          expect(server.requests.filter(({ method }) => method === "POST").length).toBe(1);
        },
      ),
    );
  }

  context.check("a connection that the peer closed meanwhile is not used", () =>
    withServer(
      (peer) => {
        peer.write(OK);
        setTimeout(() => peer.end(), 5);
      },
      async (server) => {
        expect(await outcomeOf(context.transport(), callOf(originOf(server.port), POST))).toBe(
          "200",
        );
        // The close has to arrive as well; `fetch` does not show its idle connections.
        const { idleConnections: kept } = context.transport().stats();
        const isNoticed = (): boolean =>
          kept === 0 || context.transport().stats().idleConnections < kept;
        await until(() => server.openCount === 0 && isNoticed(), "the peer closed");
        expect(await outcomeOf(context.transport(), callOf(originOf(server.port), POST))).toBe(
          "200",
        );
        expect(server.requests.length).toBe(2);
      },
    ),
  );

  context.check("bytes that come while idle end the connection and answer nothing", () =>
    withServer(
      (peer, count) => {
        peer.write(OK);
        const late = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\n\r\nevil";
        if (count === 1) setTimeout(() => peer.write(late), 5);
      },
      async (server) => {
        expect(await outcomeOf(context.transport(), callOf(originOf(server.port)))).toBe("200");
        await until(() => server.openCount === 0, "the connection is closed");
        expect(await outcomeOf(context.transport(), callOf(originOf(server.port)))).toBe("200");
      },
    ),
  );

  const failures: [string, (peer: RawPeer) => void][] = [
    ["closing", (peer) => peer.end()],
    ["resetting", (peer) => peer.reset()],
    ["half a head, then closing", (peer) => closeAfter(peer, "HTTP/1.1 2")],
    [
      "half a body, then closing",
      (peer) => closeAfter(peer, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"),
    ],
    ["nonsense", (peer) => peer.write("nonsense\r\n\r\n")],
    ["a bad length", (peer) => peer.write("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")],
    ["a 503", (peer) => peer.write("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n")],
    [
      "a redirect",
      (peer) => peer.write("HTTP/1.1 307 X\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"),
    ],
    ["an upgrade", (peer) => peer.write("HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n")],
    ["silence", () => {}],
  ];
  for (const [what, fail] of failures) {
    context.check(`a POST that is answered with ${what} is seen once`, () =>
      withServer(
        (peer) => fail(peer),
        async (server) => {
          const timeouts = { connectMs: 300, sendMs: 1_000, readMs: 50 };
          const call = callOf(originOf(server.port), { ...POST, timeouts });
          await outcomeOf(context.transport(), call);
          expect(server.requests.length).toBe(1);
        },
      ),
    );
  }

  context.check("a thousand failing calls leave nothing behind", async () => {
    const transport = open();
    const server = startRawServer({
      onHead: ({ target }, peer) => failures[Number(target.slice(1)) % failures.length]?.[1](peer),
    });
    const scopes = Array.from({ length: 1_000 }, () => new CancelScope());
    const outcomes = scopes.map(async (cancel, i) => {
      await Bun.sleep(i / 2);
      const call = callOf(originOf(server.port), {
        target: `/${i}`,
        cancel,
        buffered: i % 3 === 0,
        timeouts: { connectMs: 500, sendMs: 5_000, readMs: 40 },
        ...(i % 7 === 0 ? { deadlineAt: performance.now() + 5 } : {}),
        ...(i % 5 === 0 ? POST : {}),
      });
      if (i % 11 === 0) setTimeout(() => cancel.cancel("client-gone"), 1);
      return transport.send(call).then(async ({ body }) => {
        if (body instanceof ReadableStream) await new Response(body).bytes().catch(codeOf);
      }, codeOf);
    });
    try {
      await Promise.all(outcomes);
      const { activeCalls, openConnections, idleConnections } = transport.stats();
      expect(activeCalls).toBe(0);
      expect(openConnections).toBe(idleConnections);
      await transport.close();
      // Idle connections of fetch are the runtime's, which closes them when it likes.
      if (transport.name !== "fetch") {
        await until(() => server.openCount === 0, "every connection is closed");
      }
      expect(transport.stats()).toEqual({ openConnections: 0, idleConnections: 0, activeCalls: 0 });
    } finally {
      server.stop();
    }
  });

  context.check("closing waits for the calls in flight, and takes no more", async () => {
    const transport = open();
    let peer: RawPeer | null = null;
    const server = startRawServer({
      onRequest: (_, from) => {
        peer = from;
      },
    });
    try {
      const running = outcomeOf(transport, callOf(originOf(server.port)));
      await until(() => peer !== null, "the request is there");
      let closed = false;
      const closing = transport.close().then(() => {
        closed = true;
      });
      expect(await outcomeOf(transport, callOf(originOf(server.port)))).toBe("UPSTREAM_CANCELLED");
      expect(closed).toBe(false);
      (peer as RawPeer | null)?.write(OK);
      expect(await running).toBe("200");
      await closing;
      expect(transport.stats().activeCalls).toBe(0);
    } finally {
      server.stop();
    }
  });
}

function closeAfter(peer: RawPeer, bytes: string): void {
  peer.write(bytes);
  peer.end();
}
