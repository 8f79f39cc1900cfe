import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCatena } from "../run-catena.testbed.ts";

let folder: string;
let server: Bun.Server<undefined>;
const seen: { readonly target: string; readonly auth: string | null; readonly body: string }[] = [];

beforeAll(() => {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      const body = await request.text();
      seen.push({ target: pathname + search, auth: request.headers.get("authorization"), body });
      if (pathname === "/never") return new Promise<Response>(() => undefined);
      if (pathname === "/broken") return new Response("trouble", { status: 503 });
      return new Response(
        `{"big": 12345678901234567890, "path": ${JSON.stringify(pathname)}, "token": "of-the-service", "auth": ${JSON.stringify(request.headers.get("authorization"))}}`,
        { headers: { "content-type": "application/json", "set-cookie": "sid=of-the-service" } },
      );
    },
  });
});
afterAll(() => server.stop(true));

beforeEach(() => {
  seen.length = 0;
  folder = mkdtempSync(join(tmpdir(), "catena-try-"));
  write(
    "shop.ts",
    `import { call, chain, op, or, service, upstream, value } from "@catena/dsl";
const gone = upstream("gone", { nodes: { "127.0.0.1:1": 1 } });
const shop = service("shop", { upstream: upstream("shop-v1", { nodes: { "shop.invalid:80": 1 } }) }, {
  get: op("GET", "/things/{id}"), put: op("PUT", "/things/{id}"), never: op("GET", "/never"),
  broken: op("GET", "/broken"),
});
const away = service("away", { upstream: gone }, { get: op("GET", "/x") });
const thing = ($: { input: { params: Record<string, never> } }) => ({ params: { id: $.input.params["id"] } });
export const read = chain({ route: "/read/:id", methods: ["GET"] })
  .step("thing", ($) => call(shop.get, { params: { id: $.input.params.id }, headers: { authorization: $.input.headers["authorization"] } }))
  .step("more", () => call(shop.broken, {}, { onError: "skip", retry: { attempts: 2 } }))
  .step("none", () => call(shop.get, { params: { id: "no" } }, { when: false }))
  .reply(($) => ({ big: $.thing.big, auth: $.thing.auth, token: $.thing.token }));
export const refused = chain({ route: "/refused", methods: ["GET"] })
  .step("thing", () => call(away.get))
  .reply(($) => $.thing);
export const slow = chain({ route: "/slow", methods: ["GET"] })
  .step("thing", () => call(shop.never, {}, { timeout: 50 }))
  .reply(($) => $.thing);
export const pass = chain({ route: "/pass/*", methods: ["POST"] })
  .step("one", { uri: "http://shop.invalid/one" })
  .forward(upstream("shop-v2", { nodes: { "shop.invalid:80": 1 } }));
export const bodied = chain({ route: "/bodied", methods: ["POST"] })
  .step("v", ($) => value({ got: $.input.body.n }))
  .reply(($) => $.v);
`,
  );
  write(
    "gateway.ts",
    `export default { resolver: { hosts: { "shop.invalid": "127.0.0.1:${server.port}" } } };\n`,
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
const tryChain = (...args: readonly string[]) =>
  runCatena(["try", ...args, "shop.ts", "--settings", "gateway.ts"], folder);

describe("one request is sent through a chain", () => {
  test("to the services that the settings resolve, and the reply and each step are shown", async () => {
    const { code, stdout, stderr } = await tryChain("read", "--param", "id=a/b", "--query", "q=1");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(seen.map(({ target }) => target).sort()).toEqual([
      "/broken",
      "/broken",
      "/things/a%2Fb",
    ]);
    expect(stdout).toStartWith("GET /read/a%2Fb?q=1  chain read\n200 in ");
    expect(stdout).toContain('"big": 12345678901234567890');
    expect(stdout).toMatch(/^thing +[█▏▎▍▌▋▊▉]+ .* 200 {2}GET \/things\/a%2Fb$/m);
    expect(stdout).toMatch(/^more .* skipped: CHAIN_STEP_STATUS, 2 attempts {2}GET \/broken$/m);
    expect(stdout).toMatch(/^none .* skipped: when$/m);
  });

  test("and sent on to the upstream by one that does not answer itself", async () => {
    const { code, stdout } = await tryChain(
      "pass",
      "--path",
      "/pass/on",
      "-d",
      '{"n": 1}',
      "-H",
      "authorization: Bearer my-secret",
    );
    expect(code).toBe(0);
    expect(seen.map(({ target }) => target)).toEqual(["/one", "/pass/on"]);
    expect(seen.map(({ auth }) => auth)).toEqual(["Bearer my-secret", "Bearer my-secret"]);
    expect(JSON.parse(seen[1]!.body)).toMatchObject({ n: 1, path: "/one" });
    expect(stdout).toMatch(/^one .* 200 {2}POST \/one$/m);
    expect(stdout).toMatch(/^\(upstream\) .* 200 {2}POST \/pass\/on$/m);
    expect(stdout).not.toContain("my-secret");
  });

  test("secrets are masked: those sent, those answered, and what is derived from them", async () => {
    const { stdout } = await tryChain(
      ...["read", "--param", "id=1", "-H", "authorization: Bearer my-secret", "-v"],
      ...["--query", "api_key=key-of-mine"],
    );
    expect(seen.find(({ target }) => target === "/things/1")?.auth).toBe("Bearer my-secret");
    for (const secret of ["my-secret", "key-of-mine", "of-the-service"]) {
      expect(stdout).not.toContain(secret);
    }
    expect(stdout).toContain("> authorization: (secret)");
    expect(stdout).toContain("< set-cookie: (secret)");
    expect(stdout).toContain('"token": "(secret)"');
  });

  test("as JSON, its numbers as they are", async () => {
    const { stdout } = await tryChain("read", "--param", "id=1", "--json");
    expect(stdout).toContain('"big": 12345678901234567890');
    expect(JSON.parse(stdout)).toMatchObject({
      chain: "read",
      request: { method: "GET", target: "/read/1" },
      reply: { status: 200, headers: { "content-type": "application/json" } },
      steps: [
        { step: "thing", outcome: "done", attempts: 1, status: 200, calls: ["GET /things/1"] },
        { step: "more", attempts: 2 },
        { step: "none", outcome: "skipped", reason: "when", attempts: 0 },
      ],
    });
  });

  test("as a diagram", async () => {
    const { stdout } = await tryChain("read", "--param", "id=1", "--mermaid");
    expect(stdout).toStartWith("gantt\n  title read: 200 in ");
    expect(stdout).toMatch(/^ {2}none skipped :milestone, \d+, \d+$/m);
  });

  test("a body comes from a file or standard input", async () => {
    write("body.json", '{"n": 12345678901234567890}');
    const fromFile = await tryChain("bodied", "--body", "@body.json");
    expect(fromFile.stdout).toContain('"got": 12345678901234567890');
    const piped = Bun.spawn(
      [
        "sh",
        "-c",
        `echo '{"n": 7}' | "$0" "$1" try bodied shop.ts --body -`,
        process.execPath,
        join(import.meta.dir, "../main.ts"),
      ],
      { cwd: folder, stdout: "pipe", stderr: "inherit" },
    );
    expect(await new Response(piped.stdout).text()).toContain('"got": 7');
  });
});

test("a chain of compiled JSON is tried as one of TypeScript is, and its recording replayed", async () => {
  const compiled = await runCatena(["compile", "shop.ts"], folder);
  write("all.json", compiled.stdout);
  const settings = ["--settings", "gateway.ts", "--record", "json.recording.json"];
  const args = ["try", "pass", "all.json", "--path", "/pass/x", "-d", '{"n": 1}', ...settings];
  const { code, stdout } = await runCatena(args, folder);
  expect({ code, stdout }).toMatchObject({ code: 0 });
  expect(seen.map(({ target }) => target)).toEqual(["/one", "/pass/x"]);
  expect((await runCatena(["test", "json.recording.json"], folder)).code).toBe(0);
});

describe("a service that does not answer is told as that", () => {
  test.each<[string, readonly string[], number, readonly string[]]>([
    [
      "refused",
      ["refused"],
      502,
      ["CHAIN_STEP_UNREACHABLE", "away.get: connection to http://127.0.0.1:1 failed"],
    ],
    ["too slow", ["slow"], 504, ["CHAIN_STEP_TIMEOUT", "shop.never: ", "did not answer in time"]],
  ])("%s", async (_name, args, status, says) => {
    const { code, stdout } = await tryChain(...args);
    expect(code).toBe(1);
    expect(stdout).toContain(`\n${status} in `);
    expect(stdout).toMatch(/^thing .* failed/m);
    for (const text of says) expect(stdout).toContain(text);
  });

  test("unknown, with what to do", async () => {
    const args = ["try", "read", "shop.ts", "--param", "id=1"];
    const { code, stdout } = await runCatena(args, folder);
    expect(code).toBe(1);
    expect(stdout).toContain("the name in shop.invalid does not resolve");
    expect(stdout).toContain("resolver.hosts");
  });
});

describe("a wrong command line makes no call", () => {
  test.each<[string, readonly string[], number, string]>([
    [
      "a chain that is not there",
      ["reed"],
      1,
      'there is no chain "reed" (did you mean "read"?); known are bodied, pass, read, refused, slow',
    ],
    ["a parameter that is missing", ["read"], 2, "--param id=… is missing"],
    [
      "a body that is no JSON",
      ["bodied", "-d", '{"n":'],
      2,
      "--body is not JSON: unexpected end of the text at line 1, column 6",
    ],
    ["a body file that is not there", ["bodied", "-d", "@none.json"], 1, "none.json"],
    ["a config that is wrong", ["read", "none.ts"], 1, "none.ts does not exist"],
  ])("%s", async (_name, args, expected, says) => {
    const { code, stderr } = await tryChain(...args);
    expect({ code, stderr }).toMatchObject({ code: expected });
    expect(stderr).toContain(says);
    expect(seen).toEqual([]);
  });

  test("without a chain the known ones are listed", async () => {
    const { code, stderr } = await tryChain();
    expect(code).toBe(1);
    expect(stderr).toContain("which chain is to be tried is missing; known are bodied, pass,");
  });
});

describe("--record", () => {
  test("writes what catena test replays, without secrets, for its owner alone", async () => {
    const { stderr } = await tryChain(
      ...["read", "--param", "id=1", "-H", "authorization: Bearer my-secret"],
      ...["--record", "read.recording.json"],
    );
    expect(stderr).toBe("recorded read.recording.json\n");
    const text = readFileSync(join(folder, "read.recording.json"), "utf8");
    expect(text).not.toContain("my-secret");
    expect(text).toContain("12345678901234567890");
    expect(JSON.parse(text)).toMatchObject({ v: 1, chain: "read", configs: ["shop.ts"] });
    expect(statSync(join(folder, "read.recording.json")).mode & 0o777).toBe(0o600);
    seen.length = 0;
    const tested = await runCatena(["test", "."], folder);
    expect(tested.stdout).toContain("ok   read answers as recorded");
    expect(tested.code).toBe(0);
    expect(seen).toEqual([]);
  });

  test("of a chain that sends on; a chain that changed since is found out", async () => {
    await tryChain(
      "pass",
      "--path",
      "/pass/x",
      "-d",
      '{"n": 1}',
      "--record",
      "pass.recording.json",
    );
    expect((await runCatena(["test", "pass.recording.json"], folder)).code).toBe(0);
    const shop = readFileSync(join(folder, "shop.ts"), "utf8");
    write("shop.ts", shop.replace('"http://shop.invalid/one"', '"http://shop.invalid/two"'));
    const { code, stdout } = await runCatena(["test", "."], folder);
    expect(code).toBe(1);
    expect(stdout).toContain("pass.recording.json:1:1");
    expect(stdout).toContain("POST /two");
  });

  test("says when it cannot be replayed", async () => {
    write(
      "shop.ts",
      `import { chain, uuid, value } from "@catena/dsl";
export const random = chain({ route: "/r", methods: ["GET"] }).step("v", () => value({ id: uuid() })).reply(($) => $.v);\n`,
    );
    const { code, stderr } = await tryChain("random", "--record", "r.recording.json");
    expect(code).toBe(0);
    expect(stderr).toContain("note it does not replay: not as recorded");
  });
});
