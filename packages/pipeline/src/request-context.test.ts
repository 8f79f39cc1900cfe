import { expect, test } from "bun:test";
import { FetchRequest, type ServerHandle } from "./fetch-request.ts";
import { statusReply } from "./reply.ts";
import { RequestContext } from "./request-context.ts";

function contextOf(server: Partial<ServerHandle> = {}, headers: Record<string, string> = {}) {
  return new RequestContext(
    new FetchRequest(new Request("http://a.test/x?y=1", { headers }), {
      requestIP: () => null,
      timeout: () => undefined,
      ...server,
    }),
    "http",
    { rawHost: "a.test", host: "a.test", path: "/x", rawTarget: "/x?y=1", query: "y=1" },
    0,
  );
}

test("the client is the peer until somebody knows better", () => {
  const ctx = contextOf({ requestIP: () => ({ address: "::ffff:10.0.0.1", port: 99 }) });
  expect([ctx.clientAddress, ctx.clientPort, ctx.peerAddress]).toEqual([
    "10.0.0.1",
    99,
    "10.0.0.1",
  ]);
  ctx.setClient("9.9.9.9", 0);
  expect([ctx.clientAddress, ctx.clientPort, ctx.peerAddress]).toEqual(["9.9.9.9", 0, "10.0.0.1"]);
});

test("a peer that is gone has no address", () => {
  expect(contextOf().clientAddress).toBe("");
  expect(contextOf().clientPort).toBe(0);
});

test("the address we listen on is known unless it is all of them", () => {
  expect(contextOf({ hostname: "127.0.0.1", port: 9080 }).serverAddress).toBe("127.0.0.1");
  expect(contextOf({ hostname: "0.0.0.0", port: 9080 }).serverAddress).toBe("");
  expect(contextOf({ hostname: "::" }).serverAddress).toBe("");
  expect(contextOf({ port: 9080 }).serverPort).toBe(9080);
});

test("headers are read as plugins left them; what the client sent stays known", () => {
  const ctx = contextOf({}, { apikey: "k", "x-a": "1" });
  ctx.setUpstreamHeader("apikey", "");
  ctx.setUpstreamHeader("X-B", "2");
  expect(ctx.header("apikey")).toBeNull();
  expect(ctx.header("x-b")).toBe("2");
  expect(ctx.headerList()).toEqual(["x-a", "1", "X-B", "2"]);
  expect(ctx.clientHeaders()).toEqual(["apikey", "k", "x-a", "1"]);
});

test("headers set for the reply are there when it comes, one per name", () => {
  const ctx = contextOf();
  ctx.setReplyHeader("x-a", "1");
  ctx.setReplyHeader("x-b", "2");
  ctx.setReplyHeader("x-a", "3");
  const reply = statusReply(204);
  ctx.beginReply(reply);
  expect(reply.headers).toEqual(["x-a", "3", "x-b", "2"]);
  expect(ctx.reply).toBe(reply);
});
