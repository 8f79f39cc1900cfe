import { describe, expect, test } from "bun:test";
import { plugins } from "@catena/plugins";
import { createFieldCipher } from "@catena/schema";
import { noStyle } from "../output.ts";
import { diffValues } from "./diff-values.ts";
import { formatPlan } from "./format-plan.ts";
import { type PlanInput, planChanges } from "./plan-changes.ts";

const input = (over: Partial<PlanInput>): PlanInput => ({
  resources: [],
  stored: [],
  deployed: [],
  prefix: "/apisix",
  prune: false,
  cipher: createFieldCipher([], plugins.registry),
  now: 100,
  ...over,
});
const stored = (key: string, value: unknown, modRevision = 7) => ({
  key,
  value: typeof value === "string" ? value : JSON.stringify(value),
  createRevision: 3,
  modRevision,
});
const route = { kind: "routes", id: "a", value: { uri: "/a", upstream_id: "u" } } as const;

describe("planChanges", () => {
  test("creates what is not there, with book-keeping and a compare on absence", () => {
    const plan = planChanges(input({ resources: [route] }));
    expect(plan.changes.map((change) => change.action)).toEqual(["create"]);
    expect(plan.items).toEqual([
      {
        key: "/apisix/routes/a",
        base: 0,
        value: '{"uri":"/a","upstream_id":"u","id":"a","create_time":100,"update_time":100}',
      },
    ]);
  });

  test("leaves alone what is equal but for key order and times", () => {
    const plan = planChanges(
      input({
        resources: [route],
        stored: [
          stored("/apisix/routes/a", {
            upstream_id: "u",
            uri: "/a",
            id: "a",
            create_time: 1,
            update_time: 2,
          }),
        ],
      }),
    );
    expect(plan).toMatchObject({ changes: [], items: [], unchanged: 1 });
  });

  test("updates what differs, keeps create_time, compares on the revision it was planned against", () => {
    const plan = planChanges(
      input({
        resources: [route],
        stored: [stored("/apisix/routes/a", { uri: "/b", upstream_id: "u", create_time: 1 })],
      }),
    );
    expect(plan.changes[0]).toMatchObject({
      action: "update",
      fields: [{ path: "/uri", before: "/b", after: "/a" }],
    });
    expect(plan.items).toEqual([
      { key: "/apisix/routes/a", base: 7, value: expect.stringContaining('"create_time":1,') },
    ]);
  });

  test("replaces a stored item that is not JSON", () => {
    const plan = planChanges(
      input({ resources: [route], stored: [stored("/apisix/routes/a", "{bad")] }),
    );
    expect(plan.changes[0]?.action).toBe("update");
  });

  test("deletes only what an earlier deploy wrote, and only when asked", () => {
    const over = {
      stored: [stored("/apisix/routes/old", {}), stored("/apisix/routes/foreign", {})],
      deployed: ["/apisix/routes/old", "/apisix/routes/gone"],
    };
    expect(planChanges(input(over))).toMatchObject({ changes: [], orphans: ["routes/old"] });
    const pruned = planChanges(input({ ...over, prune: true }));
    expect(pruned.items).toEqual([{ key: "/apisix/routes/old", base: 7, value: null }]);
    expect(pruned.orphans).toEqual([]);
  });

  test("keys, ids and times are those APISIX stores", () => {
    const plan = planChanges(
      input({
        resources: [
          { kind: "consumers", id: "jack", value: { username: "jack" } },
          { kind: "credentials", id: "jack/credentials/main", value: { id: "main" } },
          { kind: "secrets", id: "vault/v1", value: { uri: "http://v" } },
          { kind: "plugin_metadata", id: "p", value: { log_format: {} } },
        ],
      }),
    );
    expect(plan.items.map(({ key, value }) => [key, value])).toEqual([
      ["/apisix/consumers/jack", '{"username":"jack","create_time":100,"update_time":100}'],
      [
        "/apisix/consumers/jack/credentials/main",
        '{"id":"main","create_time":100,"update_time":100}',
      ],
      [
        "/apisix/secrets/vault/v1",
        '{"uri":"http://v","id":"vault/v1","create_time":100,"update_time":100}',
      ],
      ["/apisix/plugin_metadata/p", '{"log_format":{},"id":"p"}'],
    ]);
  });

  test("secrets are masked in what is shown, and written as they are", () => {
    const pem = "-----BEGIN PRIVATE KEY-----";
    const plan = planChanges(
      input({
        resources: [
          {
            kind: "consumers",
            id: "a",
            value: { username: "a", plugins: { "key-auth": { key: "hunter2" } } },
          },
          {
            kind: "consumers",
            id: "b",
            value: { username: "b", plugins: { "key-auth": { key: "$env://KEY" } } },
          },
          { kind: "ssls", id: "s", value: { cert: "c", key: pem, keys: [pem] } },
        ],
        stored: [
          stored("/apisix/consumers/a", {
            username: "a",
            plugins: { "key-auth": { key: "hunter1" } },
          }),
        ],
      }),
    );
    const shown = formatPlan(plan, noStyle);
    expect(shown).toContain('/plugins/key-auth/key: "(secret)" -> "(secret)"');
    expect(shown).toContain("$env://KEY");
    expect(shown).not.toMatch(/hunter|PRIVATE/);
    expect(plan.items[0]?.value).toContain("hunter2");
    expect(plan.items[2]?.value).toContain(pem);
  });
});

describe("diffValues", () => {
  test.each([
    ["equal documents", { a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, []],
    ["a nested member", { a: { b: 1 } }, { a: { b: 2 } }, [{ path: "/a/b", before: 1, after: 2 }]],
    ["a member that goes", { a: 1 }, {}, [{ path: "/a", before: 1, after: undefined }]],
    ["an array element", { a: [1, 2] }, { a: [1, 3] }, [{ path: "/a/1", before: 2, after: 3 }]],
    ["arrays of other length", { a: [1] }, { a: [] }, [{ path: "/a", before: [1], after: [] }]],
    ["a key with a slash", { "a/b": 1 }, { "a/b": 2 }, [{ path: "/a~1b", before: 1, after: 2 }]],
  ])("finds %s", (_name, before, after, expected) => {
    expect(diffValues(before, after)).toEqual(expected);
  });
});

test("formatPlan reads like a diff", () => {
  const plan = planChanges(
    input({
      resources: [route, { kind: "routes", id: "n", value: { uri: "/n" } } as const],
      stored: [
        stored("/apisix/routes/a", { uri: "/b", upstream_id: "u" }),
        stored("/apisix/routes/o", {}),
      ],
      deployed: ["/apisix/routes/o"],
      prune: true,
    }),
  );
  expect(formatPlan(plan, noStyle)).toBe(
    [
      "~ routes/a",
      '    /uri: "/b" -> "/a"',
      "+ routes/n",
      '    /uri: "/n"',
      "- routes/o",
      "1 to create, 1 to update, 1 to delete, 0 unchanged",
    ].join("\n"),
  );
});

describe("with a keyring", () => {
  const jack = {
    kind: "consumers",
    id: "jack",
    value: { username: "jack", plugins: { "key-auth": { key: "in-the-clear" } } },
  } as const;
  const ring = ["0123456789abcdef", "fedcba9876543210"];
  const cipher = createFieldCipher(ring, plugins.registry);
  const olderCipher = createFieldCipher(ring.slice(1), plugins.registry);
  const path = "/plugins/key-auth/key";

  test("secret fields are written encrypted, and are no difference afterwards", () => {
    const plan = planChanges(input({ resources: [jack], cipher }));
    const [item] = plan.items;
    expect(item?.value).not.toContain("in-the-clear");
    const again = planChanges(
      input({ resources: [jack], cipher, stored: [stored("/apisix/consumers/jack", item?.value)] }),
    );
    expect(again).toMatchObject({ changes: [], items: [], unchanged: 1 });
  });

  test.each([
    ["in the clear", jack.value],
    ["with an older key", olderCipher.encrypt("consumers", jack.value)],
    [
      "with a key that is unknown",
      { plugins: { "key-auth": { key: "523EisB/dvqlIT9RzfF3ZQ==" } } },
    ],
  ])("what is stored %s is written anew, and not shown", (_, value) => {
    const plan = planChanges(
      input({ resources: [jack], cipher, stored: [stored("/apisix/consumers/jack", value)] }),
    );
    expect(plan.changes).toMatchObject([{ action: "update" }]);
    const shown = plan.changes[0]?.fields.find((field) => field.path === path);
    expect(shown).toEqual({ path, before: "(secret)", after: "(secret)" });
    const encrypted = cipher.encrypt("consumers", jack.value)["plugins"];
    expect(JSON.parse(plan.items[0]?.value ?? "")).toMatchObject({ plugins: encrypted });
  });

  test("private keys are, too", () => {
    const key = `-----BEGIN PRIVATE KEY-----\n${"x".repeat(128)}\n-----END PRIVATE KEY-----`;
    const ssl = { kind: "ssls", id: "s", value: { snis: ["a.com"], cert: "c", key } } as const;
    const plan = planChanges(input({ resources: [ssl], cipher }));
    expect(plan.items[0]?.value).not.toContain("PRIVATE KEY");
    const foreign = createFieldCipher(["another-key-of16"], plugins.registry);
    const before = foreign.encrypt("ssls", ssl.value);
    const update = planChanges(
      input({ resources: [ssl], cipher, stored: [stored("/apisix/ssls/s", before)] }),
    );
    expect(update.changes[0]?.fields).toEqual([
      { path: "/key", before: "(secret)", after: "(secret)" },
    ]);
  });
});
