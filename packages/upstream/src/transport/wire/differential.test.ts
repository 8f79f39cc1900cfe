import { afterAll, beforeAll, expect, test } from "bun:test";
import { request as nodeRequest } from "node:http";
import { type RawServer, startRawServer } from "@catena/testkit";
import fc from "fast-check";
import {
  callOf,
  originOf,
  outcomeOf,
  type PlainReply,
  plainReply,
} from "../../conformance/call-fixture.ts";
import { createFetchTransport } from "../fetch-transport.ts";
import type { Transport } from "../transport.ts";
import { createWireTransport } from "./wire-transport.ts";

let server: RawServer;
let answer: { readonly bytes: Buffer; readonly close: boolean };
const wire = createWireTransport();
const portable = createFetchTransport();

beforeAll(() => {
  server = startRawServer({
    onRequest: (_, peer) => {
      peer.write(answer.bytes);
      if (answer.close) peer.end();
    },
  });
});
afterAll(async () => {
  server.stop();
  await wire.close();
  await portable.close();
});

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,10}$/).map((name) => `X-${name}`);
const value = fc.stringMatching(/^(?:[!-~](?:[ -~]{0,20}[!-~])?)?$/);
const headers = fc.uniqueArray(fc.tuple(token, value), {
  maxLength: 12,
  selector: ([name]) => name.toLowerCase(),
});
const body = fc.uint8Array({ maxLength: 3_000 }).map((bytes) => Buffer.from(bytes));
const status = fc.constantFrom(
  200,
  201,
  202,
  206,
  301,
  302,
  400,
  401,
  404,
  409,
  418,
  500,
  503,
  599,
);

/** Replies that leave nothing to interpretation. */
const validReply = fc
  .record({
    status,
    headers,
    body,
    framing: fc.constantFrom("length", "chunked", "close"),
    chunkSizes: fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 8 }),
    interim: fc.boolean(),
    reason: fc.constantFrom("OK", "", "Not So Sure (really)"),
  })
  .map((made) => {
    const lines = made.headers.map(([name, text]) => `${name}: ${text}\r\n`).join("");
    const framing = {
      length: `Content-Length: ${made.body.length}\r\n`,
      chunked: "Transfer-Encoding: chunked\r\n",
      close: "Connection: close\r\n",
    }[made.framing as "length" | "chunked" | "close"];
    const interim = made.interim ? "HTTP/1.1 103 Early Hints\r\nX-Hint: 1\r\n\r\n" : "";
    const head = `${interim}HTTP/1.1 ${made.status} ${made.reason}\r\n${lines}${framing}\r\n`;
    const content = made.framing === "chunked" ? inChunks(made.body, made.chunkSizes) : made.body;
    const bytes = Buffer.concat([Buffer.from(head, "latin1"), content]);
    return { bytes, close: made.framing === "close" };
  });

function inChunks(bytes: Buffer, sizes: readonly number[]): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const piece = bytes.subarray(at, at + (sizes[i % sizes.length] ?? 1));
    parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n"));
    at += piece.length;
  }
  return Buffer.concat([...parts, Buffer.from("0\r\n\r\n")]);
}

const via = async (transport: Transport, buffered: boolean): Promise<PlainReply> =>
  plainReply(await transport.send(callOf(originOf(server.port), { buffered })));

function viaNode(): Promise<PlainReply> {
  const done = Promise.withResolvers<PlainReply>();
  const request = nodeRequest(
    { host: "127.0.0.1", port: server.port, agent: false, headers: { Host: "upstream.test" } },
    (reply) => {
      const parts: Buffer[] = [];
      reply.on("data", (part: Buffer) => parts.push(part));
      reply.on("error", done.reject);
      reply.on("end", () => {
        const found = { status: reply.statusCode ?? 0, headers: reply.rawHeaders };
        plainReply({ ...found, body: Buffer.concat(parts) }).then(done.resolve, done.reject);
      });
    },
  );
  request.on("error", done.reject);
  request.end();
  return done.promise;
}

test("wire, fetch and node:http agree on valid replies", async () => {
  await fc.assert(
    fc.asyncProperty(validReply, async (made) => {
      answer = made;
      const expected = await via(portable, true);
      expect(await via(wire, true)).toEqual(expected);
      expect(await via(wire, false)).toEqual(expected);
      expect(await viaNode()).toEqual(expected);
    }),
    { numRuns: 120 },
  );
}, 30_000);

test("whatever bytes come, a call ends with a reply or a typed error", async () => {
  const likely = validReply.chain((made) =>
    fc
      .record({ at: fc.nat(made.bytes.length), byte: fc.nat(255), cut: fc.boolean() })
      .map((change) => {
        const bytes = Buffer.from(made.bytes);
        if (change.at < bytes.length) bytes[change.at] = change.byte;
        return change.cut ? bytes.subarray(0, change.at) : bytes;
      }),
  );
  const bytes = fc.oneof(
    likely,
    fc.uint8Array({ maxLength: 500 }).map((random) => Buffer.from(random)),
  );
  await fc.assert(
    fc.asyncProperty(bytes, fc.boolean(), async (sent, buffered) => {
      answer = { bytes: sent, close: true };
      const outcome = await outcomeOf(wire, callOf(originOf(server.port), { buffered }));
      expect(outcome).toMatch(/^(?:[2-5][0-9]{2}|UPSTREAM_(?:BAD_REPLY|RESET|TOO_LARGE))$/);
    }),
    { numRuns: 300 },
  );
  expect(wire.stats().activeCalls).toBe(0);
}, 30_000);
