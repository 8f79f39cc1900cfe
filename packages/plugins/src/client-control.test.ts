import { expect, test } from "bun:test";
import { clientControl } from "./client-control.ts";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";

const chunked = (...chunks: string[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(Buffer.from(chunk));
      controller.close();
    },
  });

const unknownLength = { "transfer-encoding": "chunked" };

const cases: [what: string, limit: number, ask: object, status: number][] = [
  ["a declared length over the limit", 5, { body: "123456789" }, 413],
  ["a declared length at the limit", 9, { body: "123456789" }, 200],
  ["no limit", 0, { body: "123456789" }, 200],
  ["chunks over the limit", 5, { body: chunked("123", "456"), headers: unknownLength }, 413],
  ["chunks within the limit", 6, { body: chunked("123", "456"), headers: unknownLength }, 200],
];
test.each(cases)("%s", async (_what, max_body_size, ask, status) => {
  const answer = await new PluginBed([[clientControl, { max_body_size }]]).ask({
    method: "POST",
    ...ask,
  });
  expect(answer.status).toBe(status);
  if (status === 413) expect(answer.body).toContain("413 Request Entity Too Large");
});

test("a request without a body passes, and a body that was read is still there", async () => {
  const bed = new PluginBed([[clientControl, { max_body_size: 6 }]]);
  expect((await bed.ask()).status).toBe(200);
  const answer = await bed.ask({ method: "POST", body: chunked("123"), headers: unknownLength });
  expect(await answer.ctx.bodyText(6)).toBe("123");
});

test("a body that breaks off is the client's fault", async () => {
  const bed = new PluginBed([[clientControl, { max_body_size: 6 }]]);
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error("gone")),
  });
  const asked = bed.ask({ method: "POST", body, headers: unknownLength });
  expect(asked).rejects.toHaveProperty("code", "REQUEST_BODY_LOST");
  await asked.catch(() => undefined);
});

test("a negative limit is refused", () => {
  expect(problemsOf(clientControl, { max_body_size: -1 })[0]?.path).toBe("/max_body_size");
});
