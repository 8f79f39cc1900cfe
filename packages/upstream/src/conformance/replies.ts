import { afterAll, beforeAll, expect } from "bun:test";
import { type RawServer, startRawServer } from "@catena/testkit";
import type { ConformanceContext } from "../transport.conformance.ts";
import { callOf, codeOf, originOf, plainReply } from "./call-fixture.ts";
import { type ReplyCase, replyCases } from "./reply-cases.ts";

/** Each reply of the table, buffered and as a stream, and whether the connection survives it. */
export function describeReplies(context: ConformanceContext): void {
  let server: RawServer;

  beforeAll(() => {
    server = startRawServer({
      onRequest: ({ target }, peer) => {
        const found = replyCases[Number(target.slice(1))];
        peer.write(found?.reply ?? "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext");
        if (found?.after === "close") peer.end();
        if (found?.after === "reset") peer.reset();
      },
    });
  });
  afterAll(() => server.stop());

  const outcome = async (found: ReplyCase, index: number, buffered: boolean) => {
    const call = callOf(originOf(server.port), {
      method: found.method ?? "GET",
      target: `/${index}`,
      buffered,
    });
    try {
      return await plainReply(await context.transport().send(call));
    } catch (error) {
      return { code: codeOf(error) };
    }
  };

  for (const [index, found] of replyCases.entries()) {
    const { expect: expected } = found;
    context.check(found.name, async () => {
      for (const buffered of [true, false]) {
        const actual = await outcome(found, index, buffered);
        if ("code" in expected) {
          expect(actual).toEqual(expected);
          continue;
        }
        const { status, body, headers, reuses } = expected;
        expect(actual).toMatchObject({ status, body, headers: headers ?? {} });
        if (reuses === undefined) continue;
        const connection = server.requests.at(-1)?.connection;
        await context.transport().send(callOf(originOf(server.port), { target: "/next" }));
        expect(server.requests.at(-1)?.connection === connection).toBe(reuses);
      }
    });
  }

  context.check("repeated headers stay apart, in order, as they were written", async () => {
    const reply =
      "HTTP/1.1 200 OK\r\nX-One: 1\r\nx-two: 2\r\nX-One: 3\r\nContent-Length: 0\r\n\r\n";
    const verbatim = startRawServer({ onRequest: (_, peer) => peer.write(reply) });
    try {
      const { headers } = await context.transport().send(callOf(originOf(verbatim.port)));
      expect(headers).toEqual(["X-One", "1", "x-two", "2", "X-One", "3", "Content-Length", "0"]);
    } finally {
      verbatim.stop();
    }
  });

  context.check("Set-Cookie is never joined", async () => {
    const reply =
      "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n";
    const verbatim = startRawServer({ onRequest: (_, peer) => peer.write(reply) });
    try {
      const { headers } = await context.transport().send(callOf(originOf(verbatim.port)));
      const values = headers.filter((_, i) => headers[i - 1]?.toLowerCase() === "set-cookie");
      expect(values).toEqual(["a=1", "b=2"]);
    } finally {
      verbatim.stop();
    }
  });
}
