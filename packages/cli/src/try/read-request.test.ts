import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readArguments } from "../arguments.ts";
import { readRequest, requestOptions } from "./read-request.ts";

const folder = mkdtempSync(join(tmpdir(), "catena-try-request-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "body.json"), '{"big": 12345678901234567890}');

const read = (args: readonly string[], uri = "/a", methods: readonly string[] = ["GET", "POST"]) =>
  readRequest(readArguments("try", args, requestOptions), { uri, methods });

describe("a request is made of options", () => {
  test.each<[string, readonly string[], string, object]>([
    ["nothing: the route's first method", [], "/a", { method: "GET", params: {}, query: {} }],
    [
      "a body: the first method that has one",
      ["--body", "{}"],
      "/a",
      { method: "POST", text: "{}" },
    ],
    ["a method", ["-X", "post"], "/a", { method: "POST" }],
    [
      "a body of a file, to the last digit",
      ["-d", `@${join(folder, "body.json")}`],
      "/a",
      { text: '{"big": 12345678901234567890}' },
    ],
    [
      "a body that is no JSON, declared",
      ["-d", "a=1", "-H", "Content-Type: application/x-www-form-urlencoded"],
      "/a",
      { text: "a=1", headers: { "Content-Type": "application/x-www-form-urlencoded" } },
    ],
    [
      "arguments and headers, repeated ones together",
      ["--query", "a=1", "--query", "a=2=3", "--query", "b=", "-H", "x: 1:2", "-H", "x:2"],
      "/a",
      { query: { a: ["1", "2=3"], b: "" }, headers: { x: ["1:2", "2"] } },
    ],
    ["parameters", ["--param", "id=a/b"], "/a/:id", { params: { id: "a/b" } }],
    [
      "a path, which has the parameters",
      ["--path", "/a/x%2Fy/z/t"],
      "/a/:id/z/*",
      { path: "/a/x%2Fy/z/t", params: { id: "x/y" } },
    ],
  ])("%s", async (_name, args, uri, expected) => {
    expect(await read(args, uri)).toMatchObject(expected);
  });

  test("each has an id of its own", async () => {
    expect((await read([])).id).not.toBe((await read([])).id!);
  });
});

describe("what the route does not take is refused", () => {
  test.each<[string, readonly string[], string]>([
    ["another method", ["--method", "PUT"], "--method PUT: the route takes GET, POST"],
    ["a parameter that is missing", [], "--param id=… is missing: the path is /a/:id"],
    ["one too many", ["--param", "id=1", "--param", "x=1"], "--param x: the path is /a/:id"],
    ["another path", ["--path", "/b"], "--path /b is none of /a/:id"],
    ["a body that is no JSON", ["--param", "id=1", "--body", '{"a":}'], "--body is not JSON: "],
    [
      "a header without a name, not repeated: it may be a secret",
      ["--param", "id=1", "--header", "token-of-mine"],
      "--header has no name: write --header NAME:VALUE; see",
    ],
  ])("%s", (_name, args, says) => {
    expect(read(args, "/a/:id")).rejects.toThrow(says);
  });
});
