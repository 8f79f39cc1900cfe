import { expect, test } from "bun:test";
import type { GatewayReply } from "@catena/pipeline";
import { echo } from "./echo.ts";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";

function bed(conf: object, body: GatewayReply["body"] = "old", status = 200): PluginBed {
  return new PluginBed([[echo, { ...conf }]], {
    upstream: () => ({
      status,
      headers: ["content-type", "text/plain", "content-length", "3", "etag", '"1"'],
      body,
      source: "upstream",
    }),
  });
}

const stream = (): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from("o"));
      controller.enqueue(Buffer.from("ld"));
      controller.close();
    },
  });

const around = { before_body: "<", after_body: ">" };

test.each([
  [{ ...around, body: "mid" }, "<mid>"],
  [around, "<old>"],
  [{ before_body: "<" }, "<old"],
  [{ after_body: ">" }, "old>"],
  [{ body: "" }, ""],
])("%j makes %j", async (conf, body) => {
  expect((await bed(conf).ask()).body).toBe(body);
  expect((await bed(conf, stream()).ask()).body).toBe(body);
});

test("headers are set, and those of the old body are gone", async () => {
  const answer = await bed({ ...around, headers: { "X-E": 1, "Content-Type": "a/b" } }).ask();
  expect(answer.headers).toEqual({ "x-e": "1", "content-type": "a/b" });
});

test("a reply without a body stays without", async () => {
  expect((await bed(around, null, 204).ask()).body).toBe("");
  expect((await bed(around, null).ask({ method: "HEAD" })).body).toBe("");
});

test("a body that breaks off breaks off", async () => {
  const broken = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error("gone")),
  });
  const asked = bed(around, broken).ask();
  expect(asked).rejects.toBeUndefined();
  await asked.catch(() => undefined);
});

test.each([
  [{}, ""],
  [{ headers: { a: "1" } }, ""],
  [{ body: "", headers: {} }, "/headers"],
  [{ body: "", headers: { a: {} } }, "/headers/a"],
  [{ body: "", headers: { "a b": "1" } }, "/headers/a b"],
])("%j is refused at %j", (conf, path) => {
  expect(problemsOf(echo, { ...conf })[0]?.path).toBe(path);
});
