import { afterAll, expect, test } from "bun:test";
import type { RawPeer } from "@catena/testkit";
import { startRawServer } from "@catena/testkit";
import { runChain } from "../run/run-chain.ts";
import { type ChainTestbed, chainTestbed, ref, until } from "../testbed/chain-testbed.ts";
import { plainRequest } from "../testbed/plain-request.ts";
import { jsonReply } from "../testbed/service-double.ts";

let peer: RawPeer | null = null;
const server = startRawServer({
  onRequest: (request, from) => {
    peer = from;
    const status = request.target === "/fails" ? "500 X" : "200 OK";
    from.write(
      `HTTP/1.1 ${status}\r\nContent-Type: text/event-stream\r\nX-A: 1\r\nConnection: X-Hop\r\nX-Hop: 1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n`,
    );
  },
});
const bed: ChainTestbed = chainTestbed(() => jsonReply('{"id":1}'));
afterAll(async () => {
  server.stop();
  await bed.stop();
});

const conf = (path: string, rest: object = {}): object => ({
  steps: [
    { name: "a", call: { upstream_id: "svc", method: "GET", path: "/" } },
    {
      name: "b",
      call: {
        uri: `http://127.0.0.1:${server.port}`,
        method: "POST",
        path,
        body: { id: ref("a", "id") },
      },
      ...rest,
    },
  ],
  stream: "b",
});

async function begin(path = "/ok", rest: object = {}) {
  const request = plainRequest({ deadlineMs: 20_000 });
  const outcome = await runChain(bed.compile(conf(path, rest)), request);
  if (!(outcome.body instanceof ReadableStream)) throw new Error("the body is no stream");
  return { request, outcome, reader: outcome.body.getReader() };
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

test("a streamed response reaches the client while it comes, without what ends at this hop", async () => {
  const { outcome, reader } = await begin();
  if (outcome.kind !== "reply") throw new Error("the chain did not reply");
  expect(outcome.status).toBe(200);
  expect(outcome.headers).toEqual(["content-type", "text/event-stream", "x-a", "1"]);
  expect(text((await reader.read()).value)).toBe("first");
  peer?.write("6\r\nsecond\r\n0\r\n\r\n");
  expect(text((await reader.read()).value)).toBe("second");
  expect((await reader.read()).done).toBe(true);
});

test("a client that leaves while it comes ends the call", async () => {
  const { reader } = await begin();
  await reader.read();
  await reader.cancel();
  await until(() => bed.targets.transport.stats().activeCalls === 0);
});

test("a request that is given up ends the stream", async () => {
  const { request, reader } = await begin();
  await reader.read();
  request.cancel.cancel("shutdown");
  expect(await reader.read().catch(() => "failed")).toBe("failed");
  await until(() => bed.targets.transport.stats().activeCalls === 0);
});

test("a body that breaks off fails, it does not end as if it were whole", async () => {
  const { reader } = await begin();
  await reader.read();
  peer?.end();
  expect(await reader.read().catch(() => "failed")).toBe("failed");
});

test("a status that is no success is a failure, and nothing of it is passed on", async () => {
  const outcome = await runChain(bed.compile(conf("/fails")), plainRequest());
  expect(outcome).toMatchObject({ kind: "reply", status: 502 });
  expect(outcome.body).not.toContain("first");
  await until(() => bed.targets.transport.stats().activeCalls === 0);
});

test("a rule for a status can stand in for the stream", async () => {
  const rule = { on_status: { 500: { fallback: { was: ref("a", "id") } } } };
  const outcome = await runChain(bed.compile(conf("/fails", rule)), plainRequest());
  expect(outcome).toMatchObject({ kind: "reply", status: 200, body: '{"was":1}' });
});
