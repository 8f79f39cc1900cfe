import { describe, expect, test } from "bun:test";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";
import { plugins } from "./registry.ts";

const multiAuth = plugins.get("multi-auth")!;
const consumers = {
  jack: { "key-auth": { key: "k" }, "basic-auth": { username: "jack", password: "pw" } },
  nobody: {},
};
const basic = `Basic ${btoa("jack:pw")}`;

/** The bed looks consumers up by the plugins that it runs, so those are there too, and switched off. */
function bedOf(auth_plugins: readonly object[]): PluginBed {
  const inner = ["key-auth", "basic-auth"].map((name) => {
    const entry = plugins.get(name)!;
    return [{ ...entry, create: () => ({ value: {}, issues: [] }) }, {}] as const;
  });
  return new PluginBed([[multiAuth, { auth_plugins }], ...inner], { consumers });
}

const both = [{ "basic-auth": {} }, { "key-auth": { query: "k" } }];

describe("a request", () => {
  const cases: [
    name: string,
    plugins: readonly object[],
    headers: Record<string, string>,
    status: number,
  ][] = [
    ["is let in by the first", both, { authorization: basic }, 200],
    ["is let in by the second", both, { apikey: "k" }, 200],
    [
      "is let in by two of one entry",
      [{ "basic-auth": {}, "key-auth": {} }, { "jwt-auth": {} }],
      { apikey: "k" },
      200,
    ],
    ["is refused by all", both, { apikey: "no" }, 401],
    [
      "is let in as somebody else",
      [{ "basic-auth": {} }, { "key-auth": { anonymous_consumer: "nobody" } }],
      {},
      200,
    ],
  ];
  test.each(cases)("%s", async (_, list, headers, status) => {
    const answer = await bedOf(list).ask({ headers });
    expect(answer.status).toBe(status);
    if (status === 200) return;
    expect(JSON.parse(answer.body)).toEqual({ message: "Authorization Failed" });
    expect(answer.headers["www-authenticate"]).toBe('apikey realm="key"');
  });
});

test.each([
  [[{ "basic-auth": {} }], "too few items"],
  [[{ "basic-auth": {} }, { none: {} }], "none plugin did not found"],
  [[{ "basic-auth": {} }, { cors: {} }], "cors plugin is not supported"],
  [[{ "basic-auth": {} }, { "multi-auth": {} }], "multi-auth plugin is not supported"],
  [
    [{ "basic-auth": {} }, { "key-auth": { header: 1 } }],
    'plugin key-auth check schema failed: property "header" validation failed: wrong type: expected string, got number',
  ],
] as const)("%j is refused", (auth_plugins, message) => {
  const [problem] = problemsOf(multiAuth, { auth_plugins });
  expect(problem).toBeDefined();
  if (message !== "too few items") expect(problem?.message).toBe(message);
});
