import { describe, expect, test } from "bun:test";
import { call, chain, op, service } from "@catena/dsl";
import { Type } from "@sinclair/typebox";
import { type ChainCase, chainCases, reply, runCases, type SharedOfCases } from "./index.ts";

const users = service(
  "users",
  { upstream: "users" },
  {
    get: op("GET", "/users/{id}", { response: Type.Object({ tier: Type.Integer() }) }),
    put: op("PUT", "/users/{id}", { body: Type.Object({ tier: Type.Integer() }) }),
  },
);

const promote = chain({ route: "/promote/:id", methods: ["POST"] })
  .step("user", ($) => call(users.get, { params: { id: $.input.params.id } }))
  .step("saved", ($) =>
    call(users.put, { params: { id: $.input.params.id }, body: { tier: $.user.tier } }),
  )
  .reply(($) => ({ tier: $.user.tier }));

const recording = {
  v: 1,
  chain: "promote",
  request: { params: { id: "7" } },
  calls: [
    { operation: "users.get", method: "GET", target: "/users/7", answer: 200, body: { tier: 3 } },
    { operation: "users.put", method: "PUT", target: "/users/7", sent: { tier: 3 }, answer: 204 },
  ],
  reply: { status: 200, body: { tier: 3 } },
};

const shared: SharedOfCases = {
  request: { params: { id: "7" } },
  mocks: { "users.get": { tier: 2 }, "users.put": reply(undefined, { status: 204 }) },
};

/** What is found wrong with one case: where, and in which words. */
async function failuresOf(one: object, common: SharedOfCases = shared): Promise<readonly string[]> {
  // Cases of a file that was not type-checked may be anything.
  const tests = chainCases(promote, { one: one as ChainCase }, common);
  const [report, ...more] = await runCases({ tests });
  expect(more).toEqual([]);
  return report!.failures.map(({ at, message, differences }) =>
    [
      [at.join("."), message].filter((part) => part !== "").join(" "),
      ...differences.map(({ path, expected, found }) => `${path} ${expected} ${found}`),
    ].join(" | "),
  );
}

describe("a case passes", () => {
  test.each<[string, ChainCase]>([
    [
      "when all is as expected",
      {
        expect: {
          status: 200,
          headers: { "Content-Type": "application/json" },
          body: { tier: 2 },
          bodyPart: { tier: 2 },
          calls: { "users.get": 1, "users.put": 1 },
          called: { "users.put": { params: { id: "7" }, body: { tier: 2 } } },
          order: ["users.get", "users.put"],
          steps: { user: "done", saved: "done" },
          undone: [],
        },
      },
    ],
    [
      "with mocks of its own before the shared ones",
      {
        mocks: { "users.get": { tier: 9 } },
        expect: { body: { tier: 9 } },
      },
    ],
    [
      "with a request of its own",
      {
        request: { params: { id: "8" } },
        expect: { called: { "users.get": { params: { id: "8" } } } },
      },
    ],
    ["as recorded", { recording }],
    [
      "with its recording's request, and what is expected of it",
      {
        recording,
        expect: { status: 200 },
      },
    ],
    ["when its own check does not throw", { check: (result) => result.expectStatus(200) }],
    ["when its own check comes to it later", { check: async () => undefined }],
  ])("%s", async (_name, one) => {
    expect(await failuresOf(one)).toEqual([]);
  });
});

describe("a case fails and says where", () => {
  test.each<[string, object, readonly string[]]>([
    [
      "with everything that is not as expected",
      {
        expect: {
          status: 201,
          body: { tier: 3 },
          calls: { "users.get": 2, "users.put": 1 },
          called: { "users.put": { body: { tier: 1 } } },
          steps: { user: "done", saved: "skipped" },
        },
      },
      [
        "expect.status expected status 201, found 200",
        "expect.body the body is another | /tier 3 2",
        "expect.calls other calls were made | /users.get 2 1",
        "expect.called.users.put no call of users.put carries that | /body/tier 1 2",
        'expect.steps.saved step "saved": expected skipped, found done',
      ],
    ],
    [
      "what its check throws",
      {
        check: () => {
          throw new Error("no");
        },
      },
      ["check no"],
    ],
    [
      "what its check throws later",
      { check: () => Promise.reject(new Error("later")) },
      ["check later"],
    ],
    [
      "a mock that is no response",
      { mocks: { "users.get": { tier: "gold" } }, expect: { status: 200 } },
      [
        'mocks.users.get the mock of "users.get" is no response of that operation: /tier wrong type, expected integer',
      ],
    ],
    [
      "a mock of what is not called",
      { mocks: { "users.gte": {} }, expect: { status: 200 } },
      ['mocks.users.gte the chain does not call "users.gte"; it calls users.get, users.put'],
    ],
    [
      "a recording that is none",
      { recording: { v: 3 } },
      ["recording not a usable recording: version 3 is not known"],
    ],
    [
      "another reply than recorded",
      { recording, mocks: { "users.get": { tier: 4 } } },
      ["TESTING_RECORDING"],
    ],
    [
      "an expectation nobody knows",
      { expect: { staus: 200 } },
      ['expect.staus "staus" is not known here (write status)'],
    ],
    [
      "a member nobody knows",
      { expects: { status: 200 } },
      ['expects "expects" is not known here (write expect)'],
    ],
    [
      "a request that is none",
      { request: { json: {} }, expect: { status: 200 } },
      [
        'request.json "json" is not known here; known are method, path, params, query, headers, body, text, id, ip',
      ],
    ],
    [
      "operations and steps that the chain does not have",
      {
        expect: {
          calls: { "users.gte": 0, "users.get": 1 },
          called: { "user.get": {} },
          order: ["users.get", "users.del"],
          steps: { usr: "none", "saved.undo": "none", "user[0]": "none" },
          undone: ["savd"],
        },
      },
      [
        'expect.calls the chain does not call "users.gte"; it calls users.get, users.put',
        'expect.called.user.get the chain does not call "user.get"; it calls users.get, users.put',
        'expect.order the chain does not call "users.del"; it calls users.get, users.put',
        'expect.steps.usr the chain has no step "usr"; it has user, saved',
        'expect.undone the chain has no step "savd"; it has user, saved',
      ],
    ],
    [
      "a case that expects nothing",
      {},
      ["the case expects nothing: give it expect, check or a recording"],
    ],
    [
      "a case whose expectation is empty",
      { expect: {} },
      ["the case expects nothing: give it expect, check or a recording"],
    ],
  ])("%s", async (_name, one, expected) => {
    const found = await failuresOf(one);
    if (expected[0] === "TESTING_RECORDING")
      expect(found[0]).toContain("was not called with this body");
    else expect(found).toEqual([...expected]);
  });

  test("a call that nothing answers", async () => {
    expect(await failuresOf({ expect: { status: 200 } }, { request: shared.request! })).toEqual([
      'GET /users/7 was made and nothing answers it: mock "users.get"',
    ]);
  });
});

test("each is reported under its export and its name, with what happened", async () => {
  const tests = chainCases(
    promote,
    { a: { expect: { status: 200 } }, b: { expect: { status: 500 } } },
    shared,
  );
  const other = chainCases(
    { promote },
    { c: { expect: { status: 200 } } },
    { ...shared, route: "promote" },
  );
  const reports = await runCases({ tests, helper: () => 1, nothing: null, default: other });
  expect(reports.map(({ group, name, error }) => [group, name, error === null])).toEqual([
    ["tests", "a", true],
    ["tests", "b", false],
    ["default", "c", true],
  ]);
  expect(reports[1]?.error?.message).toStartWith("expected status 500, found 200");
  expect(reports[1]?.happened).toStartWith('answered 200 {"tier":2}');
  expect(reports[1]?.durationMs).toBeGreaterThan(0);
});

describe("what all cases need is told once", () => {
  const rows: readonly [string, object, SharedOfCases, string, string][] = [
    ["a chain that is none", {}, {}, "", "the chain cannot be tested: there is no chain"],
    ["a route that is not there", promote, { route: "x" }, "", 'no route "x" with a chain'],
    [
      "a shared mock of what is not called",
      promote,
      { mocks: { "users.gte": 1 } },
      "shared.mocks.users.gte",
      'the chain does not call "users.gte"',
    ],
  ];
  test.each(rows)("%s", async (_name, config, common, at, says) => {
    const one = { expect: { status: 200 } };
    const reports = await runCases({ tests: chainCases(config, { a: one, b: one }, common) });
    expect(reports).toHaveLength(1);
    const [failure] = reports[0]!.failures;
    expect([reports[0]!.name, failure!.at.join(".")]).toEqual(["", at]);
    expect(failure!.message).toContain(says);
  });
});

test("a case of a chain that sends the request on", async () => {
  const classic = chain({ id: "classic", route: "/c" })
    .step("one", { uri: "http://one/" })
    .forward("up");
  const tests = chainCases(
    { classic },
    {
      forwards: { mocks: { one: { b: 2 } }, expect: { forwarded: { a: 1, b: 2 } } },
      answers: { upstream: { up: 1 }, expect: { body: { up: 1 }, order: ["one"] } },
      "fails by its code": { expect: { code: "CHAIN_STEP_TIMEOUT" } },
    },
    { route: "classic", request: { body: { a: 1 } }, mocks: { one: {} } },
  );
  const reports = await runCases({ tests });
  expect(reports.map(({ error }) => error === null)).toEqual([true, true, false]);
});

test("only those of a name are run", async () => {
  const one = { expect: { status: 200 } };
  const tests = chainCases(promote, { "a b": one, c: one }, shared);
  expect((await runCases({ tests }, { only: "b" })).map(({ name }) => name)).toEqual(["a b"]);
});

test("one that does not end is given up", async () => {
  const never = new Promise<never>(() => undefined);
  const tests = chainCases(
    promote,
    {
      mock: { mocks: { "users.get": () => never }, expect: { status: 200 } },
      check: { check: () => never },
    },
    shared,
  );
  const reports = await runCases({ tests }, { limitMs: 20 });
  expect(reports.map(({ failures }) => failures.map(({ at, message }) => [at, message]))).toEqual([
    [[[], "it did not end within 0.02 s"]],
    [[["check"], "it did not end within 0.02 s"]],
  ]);
});
