import { describe, expect, test } from "bun:test";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";
import { requestId } from "./request-id.ts";

const bed = (conf: Record<string, unknown> = {}, headers: string[] = []): PluginBed =>
  new PluginBed([[requestId, conf]], {
    upstream: () => ({ status: 200, headers: [...headers], body: "", source: "upstream" }),
  });

describe("ids", () => {
  const cases: [conf: object, form: RegExp][] = [
    [{}, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/],
    [
      { algorithm: "uuidv7" },
      /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    ],
    [{ algorithm: "nanoid" }, /^[-_0-9a-zA-Z]{21}$/],
    [{ algorithm: "ksuid" }, /^[0-9a-zA-Z]{27}$/],
    [{ algorithm: "range_id" }, /^[0-9a-zA-Z]{16}$/],
    [{ algorithm: "range_id", range_id: { length: 6, char_set: "ABCDEF" } }, /^[A-F]{6}$/],
  ];
  test.each(cases)("%j", async (conf, form) => {
    const plugin = bed({ ...conf });
    const [first, second] = [await plugin.ask(), await plugin.ask()];
    const id = first.headers["x-request-id"];
    expect(id).toMatch(form);
    expect(first.upstream?.headers["x-request-id"]).toBe(id ?? "");
    expect(second.headers["x-request-id"]).not.toBe(id);
  });
});

test("a KSUID sorts by its time", async () => {
  const { ksuid } = await import("./request-id/generate-id.ts");
  expect(ksuid(1_600_000_000_000) < ksuid(1_600_000_001_000)).toBe(true);
  expect(ksuid(1_400_000_000_000)).toStartWith("00000");
});

test("an id that came with the request is kept, an empty one is none", async () => {
  const mine = await bed().ask({ headers: { "x-request-id": "mine" } });
  expect(mine.upstream?.headers["x-request-id"]).toBe("mine");
  expect(mine.headers["x-request-id"]).toBe("mine");
  const empty = await bed().ask({ headers: { "x-request-id": "" } });
  expect(empty.upstream?.headers["x-request-id"]).toHaveLength(36);
});

test("an id of the upstream stays in the reply", async () => {
  expect((await bed({}, ["X-Request-Id", "theirs"]).ask()).headers["x-request-id"]).toBe("theirs");
});

test("the header can be another, and left out of the reply", async () => {
  const answer = await bed({ header_name: "X-Id", include_in_response: false }).ask();
  expect(answer.upstream?.headers["x-id"]).toHaveLength(36);
  expect(answer.headers).toEqual({});
});

test.each([
  [{ algorithm: "md5" }, "/algorithm"],
  [{ header_name: "a b" }, "/header_name"],
  [{ header_name: "Content-Length" }, "/header_name"],
  [{ range_id: { length: 5 } }, "/range_id/length"],
  [{ range_id: { length: 1000 } }, "/range_id/length"],
  [{ range_id: { char_set: "abc" } }, "/range_id/char_set"],
])("%j is refused at %s", (conf, path) => {
  expect(problemsOf(requestId, { ...conf })[0]?.path).toBe(path);
});
