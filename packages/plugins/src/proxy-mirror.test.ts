import { describe, expect, test } from "bun:test";
import { type TargetCall, targetBySending } from "@catena/pipeline";
import type { PluginConf } from "@catena/schema";
import { type Ask, PluginBed, problemsOf } from "./plugin.testbed.ts";
import { proxyMirror } from "./proxy-mirror.ts";
import { proxyRewrite } from "./proxy-rewrite.ts";

async function copiesOf(conf: PluginConf, ask: Ask, rewrite: PluginConf | null = null) {
  const calls: TargetCall[] = [];
  const target = targetBySending((call) => {
    calls.push(call);
    return Promise.resolve({ status: 500, headers: [], body: Buffer.from("ignored") });
  });
  const services = { targets: { upstream: () => null, uri: () => target } };
  const bed = new PluginBed(
    [
      [proxyMirror, { host: "http://mirror.test:1", ...conf }],
      ...(rewrite === null ? [] : [[proxyRewrite, rewrite] as const]),
    ],
    { services },
  );
  const { status, ctx } = await bed.ask(ask);
  expect(status).toBe(200);
  if (ctx.upstreamBody instanceof ReadableStream) await new Response(ctx.upstreamBody).text();
  await bed.dispose();
  return calls;
}

describe("a copy", () => {
  test("has method, headers and body of the request", async () => {
    const ask = { method: "PUT", target: "/a?x=1", headers: { "x-a": "1" }, body: "body" };
    const [copy, ...others] = await copiesOf({}, ask);
    expect(others).toHaveLength(0);
    expect(copy).toMatchObject({ method: "PUT", target: "/a?x=1", host: "a.test:9080" });
    expect(copy?.headers).toContain("x-a");
    expect(Buffer.from(copy?.body as Uint8Array).toString()).toBe("body");
  });

  const cases: [name: string, conf: PluginConf, target: string][] = [
    ["has the path before it is rewritten", {}, "/a?x=1"],
    ["has a path of its own", { path: "/m" }, "/m?x=1"],
    ["has a path before its own", { path: "/m", path_concat_mode: "prefix" }, "/m/a?x=1"],
  ];
  test.each(cases)("%s", async (_, conf, target) => {
    const [copy] = await copiesOf(conf, { target: "/a?x=1" }, { uri: "/rewritten" });
    expect(copy?.target).toBe(target);
  });

  test("of a body that streams is sent when it has passed, unless it is too long", async () => {
    const stream = (bytes: number) =>
      new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new Uint8Array(bytes));
          controller.close();
        },
      });
    const ask = (bytes: number): Ask => ({
      method: "POST",
      headers: { "transfer-encoding": "chunked" },
      body: stream(bytes),
    });
    expect((await copiesOf({}, ask(10)))[0]?.body).toHaveLength(10);
    expect(await copiesOf({}, ask(1024 * 1024 + 1))).toHaveLength(0);
  });

  test("is made of a share of the requests", async () => {
    expect(await copiesOf({ sample_ratio: 0.00001 }, {})).toHaveLength(0);
  });
});

test.each([
  {},
  { host: "mirror" },
  { host: "http://a/b" },
  { host: "grpc://a" },
  { host: "http://a", path: "/a?b" },
])("%j is refused", (conf) => {
  expect(problemsOf(proxyMirror, conf)).not.toHaveLength(0);
});
