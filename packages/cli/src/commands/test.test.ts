import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runCatena } from "../run-catena.testbed.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "catena-test-command-"));
  write(
    "shop.ts",
    `import { call, chain, op, service } from "@catena/dsl";
import { Type } from "@sinclair/typebox";
export const users = service("users", { uri: "http://users" }, {
  get: op("GET", "/users/{id}", { response: Type.Object({ tier: Type.Integer() }) }),
});
export const gift = chain({ route: "/gift/:user", methods: ["POST"] })
  .step("user", ($) => call(users.get, { params: { id: $.input.params.user } }))
  .reply(($) => ({ tier: $.user.tier }));
`,
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}

/** A test file of the chain above with cases as they are given. */
function writeSpec(
  name: string,
  cases: string,
  shared = 'request: { params: { user: "7" } }',
): void {
  write(
    name,
    `import { chainCases, reply } from "@catena/testing";
import { gift } from "./shop.ts";
export const tests = chainCases(gift, {
${cases}
}, { ${shared} });
`,
  );
}

async function run(...args: readonly string[]) {
  const { code, stdout, stderr } = await runCatena(["test", ...args], folder);
  return { code, printed: stdout + stderr };
}

const passing = '  passes: { mocks: { "users.get": { tier: 2 } }, expect: { body: { tier: 2 } } },';

describe("test files are found and run", () => {
  test("below folders, by their names, and by name whatever it is", async () => {
    write("configs/shop.ts", await Bun.file(join(folder, "shop.ts")).text());
    writeSpec("configs/a.spec.ts", passing);
    writeSpec("configs/nested/b.spec.ts", passing);
    write("configs/nested/shop.ts", await Bun.file(join(folder, "shop.ts")).text());
    writeSpec("odd.ts", passing);
    const byDefault = await run();
    expect(byDefault.code).toBe(0);
    expect(byDefault.printed).toMatch(/^configs\/a\.spec\.ts\n {2}ok {3}passes \d+ ms$/m);
    expect(byDefault.printed).toEndWith("\n2 passed, 0 failed in 2 files\n");
    expect((await run("odd.ts", "configs", "configs/a.spec.ts")).printed).toEndWith(
      "\n3 passed, 0 failed in 3 files\n",
    );
  });

  test.each<[string, readonly string[], string]>([
    ["a path that is not there", ["none"], "none does not exist; expected a file called *.spec.ts"],
    ["a folder without any", ["empty"], "no test files in empty; expected files called *.spec.ts"],
    ["a file of another kind", ["a.txt"], "a.txt is no test file"],
  ])("%s is told", async (_name, args, says) => {
    mkdirSync(join(folder, "empty"));
    write("a.txt", "");
    const { code, printed } = await run(...args);
    expect(code).toBe(1);
    expect(printed).toContain(says);
  });
});

describe("what is not as declared is told with its place", () => {
  test.each<[string, string, string, readonly string[]]>([
    [
      "a body that differs",
      '  a: { mocks: { "users.get": { tier: 2 } },\n    expect: { body: { tier: 3, left: 1 } } },',
      'request: { params: { user: "7" } }',
      [
        "a.spec.ts:5:15 expect.body: the body is another (- expected, + found)",
        "- /tier: 3",
        "+ /tier: 2",
        "- /left: 1",
        'answered 200 {"tier":2}',
        "users.get: GET /users/7 -> 200",
      ],
    ],
    [
      "a mock that its operation never gives",
      '  a: { mocks: {\n    "users.get": { tier: "gold" } }, expect: { status: 200 } },',
      "",
      [
        'a.spec.ts:5:5 mocks.users.get: the mock of "users.get" is no response of that operation: /tier wrong type, expected integer',
      ],
    ],
    [
      "a call that nothing answers",
      "\n  a: { expect: { status: 200 } },",
      'request: { params: { user: "7" } }',
      ['a.spec.ts:5:3 GET /users/7 was made and nothing answers it: mock "users.get"'],
    ],
    [
      "what a check throws",
      '  a: { mocks: { "users.get": { tier: 2 } },\n    check: () => { throw new Error("not so"); } },',
      'request: { params: { user: "7" } }',
      ["a.spec.ts:5:", "check: not so"],
    ],
    [
      "what is shared and wrong",
      "  a: { expect: { status: 200 } },",
      'mocks: { "users.gte": 1 }',
      ["a.spec.ts:5:", 'shared.mocks.users.gte: the chain does not call "users.gte"'],
    ],
  ])("%s", async (_name, cases, shared, says) => {
    writeSpec("a.spec.ts", cases, shared);
    const { code, printed } = await run("a.spec.ts");
    expect(code).toBe(1);
    for (const text of says) expect(printed).toContain(text);
    expect(printed).toEndWith("\n0 passed, 1 failed in 1 file\n");
  });

  test.each<[string, string, string]>([
    ["a file without cases", "export const x = 1;\n", "a.spec.ts exports no cases"],
    ["a file that does not parse", "export const x = 1 +;\n", "a.spec.ts:1:"],
    ["one that throws", 'throw new Error("no region");\n', "a.spec.ts:1:"],
    [
      "one for another runner",
      'import { test } from "bun:test";\ntest("x", () => {});\n',
      "can't be evaluated",
    ],
    ["one that ends the process", "process.exit(0);\n", "must not call process.exit()"],
  ])("%s fails, and the others run", async (_name, text, says) => {
    write("a.spec.ts", text);
    writeSpec("b.spec.ts", passing);
    const { code, printed } = await run(".");
    expect(code).toBe(1);
    expect(printed).toContain(says);
    expect(printed).toEndWith("\n1 passed, 1 failed in 2 files\n");
  });

  test("a chain that misuses a reference fails, though its cases pass", async () => {
    const text = await Bun.file(join(folder, "shop.ts")).text();
    write("shop.ts", text.replace("tier: $.user.tier", "tier: $.user.tier ?? 1"));
    writeSpec("a.spec.ts", passing);
    const { code, printed } = await run(".");
    expect(code).toBe(1);
    expect(printed).toContain("shop.ts:8:");
    expect(printed).toContain("write or(value, default)");
  });
});

test("as JSON, with nothing else on standard output", async () => {
  writeSpec(
    "a.spec.ts",
    `${passing}\n  fails: { mocks: { "users.get": { tier: 2 } }, expect: { status: 201 } },`,
  );
  write("b.spec.ts", "export {};\n");
  const { code, stdout } = await runCatena(["test", ".", "--json"], folder);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    passed: 1,
    failed: 2,
    files: [
      {
        file: "a.spec.ts",
        passed: false,
        cases: [
          { name: "passes", passed: true },
          {
            name: "fails",
            passed: false,
            failures: [
              {
                source: { file: "a.spec.ts", line: 5, column: 59 },
                part: "expect.status",
                message: "expected status 201, found 200",
              },
            ],
          },
        ],
      },
      { file: "b.spec.ts", passed: false, cases: [], issues: [{ code: "TEST_NO_CASES" }] },
    ],
  });
});

test("--only runs the cases of a name; none of it is a failure", async () => {
  writeSpec("a.spec.ts", `${passing}\n  other: { expect: { status: 1 } },`);
  writeSpec("b.spec.ts", "  another: { expect: { status: 1 } },");
  const some = await run(".", "--only", "pass");
  expect(some.code).toBe(0);
  expect(some.printed).toEndWith("\n1 passed, 0 failed in 1 file\n");
  const none = await run(".", "--only", "nothing");
  expect(none.code).toBe(1);
  expect(none.printed).toContain("0 passed, 0 failed in 0 files");
});

describe("a recording", () => {
  const recording = {
    v: 1,
    chain: "gift",
    request: { params: { user: "7" } },
    calls: [
      { operation: "users.get", method: "GET", target: "/users/7", answer: 200, body: { tier: 2 } },
    ],
    reply: { status: 200, body: { tier: 2 } },
  };

  test("is replayed against the configs it names, and else those beside it", async () => {
    write("a.recording.json", JSON.stringify(recording));
    write("deep/b.recording.json", JSON.stringify({ ...recording, configs: ["../shop.ts"] }));
    const absolute = { ...recording, configs: [join(folder, "shop.ts")] };
    write("deep/c.recording.json", JSON.stringify(absolute));
    const { code, printed } = await run(".");
    expect(printed).toEndWith("\n3 passed, 0 failed in 3 files\n");
    expect(code).toBe(0);
  });

  test("may be a case's too, to expect something else of it", async () => {
    write("a.json", JSON.stringify(recording));
    write(
      "a.spec.ts",
      `import { chainCases } from "@catena/testing";
import recorded from "./a.json";
import { gift } from "./shop.ts";
export const tests = chainCases(gift, {
  same: { recording: recorded },
  another: { recording: recorded, mocks: { "users.get": { tier: 7 } }, expect: { body: { tier: 7 } } },
});\n`,
    );
    const { printed } = await run("a.spec.ts");
    expect(printed).toEndWith("\n2 passed, 0 failed in 1 file\n");
  });

  test.each<[string, object | string, readonly string[]]>([
    [
      "another reply",
      { ...recording, reply: { status: 200, body: { tier: 3 } } },
      [
        "a.recording.json:1:1 not as recorded (- expected, + found)",
        "- /body/tier: 3",
        "+ /body/tier: 2",
      ],
    ],
    [
      "a call that was not made then",
      { ...recording, request: { params: { user: "8" } } },
      ["users.get: GET /users/8 was not called with this body"],
    ],
    ["a chain that is gone", { ...recording, chain: "gone" }, ['no route "gone" with a chain']],
    ["configs that are gone", { ...recording, configs: ["none.ts"] }, ["none.ts does not exist"]],
    ["what is no JSON", "{", ["a.recording.json:1:1", "[TEST_UNREADABLE]"]],
    ["what is no recording", { v: 1 }, ["not a usable recording: its calls are missing"]],
  ])("fails for %s", async (_name, content, says) => {
    write("a.recording.json", typeof content === "string" ? content : JSON.stringify(content));
    const { code, printed } = await run("a.recording.json");
    expect(code).toBe(1);
    for (const text of says) expect(printed).toContain(text);
    expect(printed).toEndWith("\n0 passed, 1 failed in 1 file\n");
  });
});
