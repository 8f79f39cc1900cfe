import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { checkChain } from "../index.ts";

const get = { upstream_id: "u", method: "GET", path: "/x" };
const post = { upstream_id: "u", method: "POST", path: "/x" };
const ref = (...path: (string | number)[]) => ({ $ref: path });
const op = ($op: string, ...args: unknown[]) => ({ $op, args });

/** A chain whose second step is the given one, after a call "a" and an exit "x". */
const withStep = (step: object, rest: object = { reply: {} }) => ({
  v: 1,
  steps: [
    { name: "a", call: get },
    { name: "x", exit: {}, when: false },
    { name: "b", ...step },
  ],
  ...rest,
});
const withValue = (value: unknown) => withStep({ value });
const withReply = (reply: object) => ({ v: 1, steps: [{ name: "a", call: get }], reply });

/** `CODE /path message`, as far as a row says. */
function findings(chain: unknown): readonly string[] {
  const { value, issues } = checkChain(chain);
  expect(value === undefined).toBe(issues.length > 0);
  return issues.map(({ code, path, message, expected, hint }) =>
    [code, path, message, expected, hint].filter((part) => part !== undefined).join(" | "),
  );
}

describe("what a chain may say passes", () => {
  test.each<[string, object]>([
    ["the least there is", { v: 1, steps: [{ name: "a", value: null }], reply: {} }],
    [
      "a reference to a step, the request, a member and an item",
      withValue([ref("a"), ref("input", "ip"), ref("a", "b", 0)]),
    ],
    ["a literal with dollar keys", withValue({ $literal: { $ref: 1 } })],
    [
      "a call of a uri with hosts to choose from",
      withStep({
        call: {
          uri: "http://a:81/base",
          allowed_hosts: ["b", "c:82"],
          host: ref("a"),
          method: "GET",
          path: "/",
        },
      }),
    ],
    [
      "an undo that refers to its own step",
      withStep({ call: post, undo: { call: { ...post, body: ref("b") } } }),
    ],
    ["a forward", withStep({ value: 1 }, { forward: { upstream_id: "up" } })],
    ["a stream of the last step", withStep({ call: get }, { stream: "b" })],
    [
      "item and index inside each",
      withStep({
        each: {
          in: ref("a"),
          do: { value: [ref("item"), ref("index")] },
          on_error: { fallback: ref("item") },
        },
      }),
    ],
    [
      "a hedge of a write under a key",
      withStep({ call: post, hedge: { after: 1 }, idempotency_key: "auto" }),
    ],
    [
      "a cached write that says so",
      withStep({ call: post, cache: { ttl: 1, key: [], allow_unsafe: true } }),
    ],
  ])("%s", (_name, chain) => {
    expect(findings(chain)).toEqual([]);
  });

  test("the same object is handed back", () => {
    const chain = withValue(1);
    expect(checkChain(chain).value).toBe(chain as never);
  });
});

describe("what it may not say is found, with its place and the way out", () => {
  test.each<[string, unknown, readonly string[]]>([
    ["no chain", null, ["CHAIN_SHAPE"]],
    [
      "a newer version",
      { v: 2 },
      [
        "CHAIN_VERSION | /v | the chain is of version 2, which this gateway does not know | 1 | upgrade the gateway",
      ],
    ],
    [
      "a version that is none",
      { v: "1" },
      ["CHAIN_VERSION | /v | not a version of the stored form"],
    ],
    [
      "no version",
      { steps: [], reply: {} },
      [
        'CHAIN_KEY_MISSING |  | "v" is missing',
        "CHAIN_SIZE | /steps | wrong number of items | at least 1 and at most 64",
      ],
    ],
    [
      "an unknown key",
      withStep({ value: 1, onError: "skip" }),
      [
        'CHAIN_KEY_UNKNOWN | /steps/2/onError | unknown key "onError" | one of name',
        'did you mean "on_error"?',
      ],
    ],
    [
      "a wrong type",
      withStep({ call: get, timeout: "1" }),
      ["CHAIN_SHAPE | /steps/2/timeout | wrong value | integer from 1 to 600000"],
    ],
    [
      "a wrong choice",
      withStep({ call: { ...get, method: "FETCH" } }),
      ["CHAIN_SHAPE | /steps/2/call/method"],
    ],
    [
      "a status that is none",
      withStep({ call: get, on_status: { "99": "skip" } }),
      ['CHAIN_KEY_UNKNOWN | /steps/2/on_status/99 | unknown key "99"'],
    ],
    [
      "too many steps",
      {
        v: 1,
        steps: Array.from({ length: 65 }, (_, i) => ({ name: `s${i}`, value: 1 })),
        reply: {},
      },
      ["CHAIN_SIZE | /steps"],
    ],

    [
      "a name twice",
      withStep({ name: "a", value: 1 }),
      ['CHAIN_STEP_NAME | /steps/2/name | there is another step "a"'],
    ],
    [
      "a reserved name",
      withStep({ name: "item", value: 1 }),
      ['CHAIN_STEP_NAME | /steps/2/name | "item" is reserved | choose another name'],
    ],
    [
      "a name that is none",
      withStep({ name: "a b", value: 1 }),
      ["CHAIN_SHAPE | /steps/2/name | wrong value | string matching"],
    ],
    [
      "two things at once",
      withStep({ value: 1, call: get }),
      ['CHAIN_STEP_KIND | /steps/2 | step "b" must do exactly one thing | one of call'],
    ],
    ["nothing at all", withStep({}), ["CHAIN_STEP_KIND | /steps/2"]],
    [
      "two things in a branch",
      withStep({ choose: { branches: [{ when: true, value: 1, sub: { chain: "c" } }] } }),
      ["CHAIN_STEP_KIND | /steps/2/choose/branches/0 | must do exactly one thing"],
    ],

    [
      "a step that is not there",
      withValue(ref("c")),
      [
        'CHAIN_REFERENCE | /steps/2/value | "c" refers to no step of this chain | input or one of a, x',
      ],
    ],
    [
      "a slip of a name",
      {
        v: 1,
        steps: [
          { name: "user", call: get },
          { name: "b", value: ref("usr") },
        ],
        reply: {},
      },
      ['did you mean "user"?'],
    ],
    [
      "a later step",
      withStep(
        { value: 1 },
        {
          steps: [
            { name: "a", value: ref("z") },
            { name: "z", value: 1 },
          ],
          reply: {},
        },
      ),
      [
        'CHAIN_REFERENCE_LATER | /steps/0/value | "z" refers to a step that is not done here',
        'move step "z" up',
      ],
    ],
    ["itself", withValue(ref("b")), ["CHAIN_REFERENCE_LATER | /steps/2/value"]],
    ["an exit", withValue(ref("x")), ['CHAIN_REFERENCE | /steps/2/value | "x" refers to an exit']],
    [
      "no part of the request",
      withValue(ref("input", "boddy")),
      [
        'CHAIN_REFERENCE | /steps/2/value | "input.boddy" is no part of the request',
        'did you mean "body"?',
      ],
    ],
    [
      "an item outside each",
      withValue(ref("item")),
      ['CHAIN_REFERENCE | /steps/2/value | "item" means something only inside each'],
    ],
    [
      "a member of an index",
      withStep({ each: { in: [], do: { value: ref("index", "a") } } }),
      ["reaches into a number"],
    ],
    [
      "a path that is none",
      withValue({ $ref: ["a", -1] }),
      ["CHAIN_REFERENCE | /steps/2/value | not a reference"],
    ],

    [
      "a dollar key",
      withValue({ $foo: 1 }),
      [
        'CHAIN_DOLLAR_KEY | /steps/2/value | the key "$foo" is not allowed here',
        "wrap a literal object",
      ],
    ],
    ["a reference with more", withValue({ $ref: ["a"], b: 1 }), ["CHAIN_DOLLAR_KEY"]],
    [
      "no operator",
      withValue(op("plus", 1, 2)),
      ['CHAIN_OPERATOR | /steps/2/value | there is no operator "plus"'],
    ],
    ["a slip of an operator", withValue(op("lowr", "A")), ['did you mean "lower"?']],
    [
      "arguments that are none",
      withValue({ $op: "add", args: 1 }),
      ["CHAIN_OPERATOR | /steps/2/value/args | the arguments are no array"],
    ],
    [
      "too few arguments",
      withValue(op("eq", 1)),
      ['wrong number of arguments for "eq" | eq(a, b)'],
    ],
    ["too many", withValue(op("now", 1)), ['wrong number of arguments for "now" | now()']],
    ["optional ones", withValue(op("substring", "a")), ["substring(text, start, end?)"]],
    [
      "a text that must be written",
      withValue(op("formatDate", 1, ref("a"))),
      ['wrong format for "formatDate" | a text written in the chain'],
    ],
    [
      "one of a few texts",
      withValue(op("formatDate", 1, "x")),
      ["one of iso, date, http, seconds"],
    ],
    ["texts", withValue(op("pick", ref("a"), [1])), ["texts written in the chain"]],
    ["a segment", withValue(op("get", op("first", []), true)), ["a member name or an array index"]],
    ["a step", withValue(op("status", "a")), ["a step, as"]],
    [
      "a step that is a call",
      withStep(
        { value: op("status", ref("v")) },
        {
          steps: [
            { name: "v", value: 1 },
            { name: "b", value: op("status", ref("v")) },
          ],
          reply: {},
        },
      ),
      ["a step that is a call"],
    ],
    [
      "a pattern that is none",
      withValue(op("matches", "a", "(")),
      ['"matches" cannot use the pattern'],
    ],
    [
      "a pattern with a back-reference",
      withValue(op("matches", "a", "(a)\\1")),
      ['"matches" cannot use the pattern'],
    ],
    [
      "a name without a value",
      withValue(op("object", "a")),
      ['"object" needs a value for each name'],
    ],
    [
      "something inside an operator",
      withValue(op("not", op("eq", ref("c"), 1))),
      ["CHAIN_REFERENCE | /steps/2/value/args/0/args/0"],
    ],
    ["no JSON", withValue(Number.NaN), ["CHAIN_VALUE | /steps/2/value | not a JSON value"]],

    [
      "a call to nowhere",
      withStep({ call: { method: "GET", path: "/" } }),
      ["CHAIN_CALL_TARGET | /steps/2/call | a call goes to exactly one of upstream_id and uri"],
    ],
    [
      "a call to two places",
      withStep({ call: { ...get, uri: "http://a" } }),
      ["CHAIN_CALL_TARGET | /steps/2/call"],
    ],
    [
      "a uri of another scheme",
      withStep({ call: { uri: "file:///etc", method: "GET", path: "/" } }),
      ["CHAIN_CALL_TARGET | /steps/2/call/uri | not an http or https URL"],
    ],
    [
      "a uri with a password",
      withStep({ call: { uri: "http://a:b@c", method: "GET", path: "/" } }),
      ["a URL must not hold a user or password"],
    ],
    [
      "a uri with a query",
      withStep({ call: { uri: "http://a?x=1", method: "GET", path: "/" } }),
      ["query and fragment do not belong in uri"],
    ],
    [
      "a host that is computed at large",
      withStep({ call: { uri: "http://a", host: ref("a"), method: "GET", path: "/" } }),
      ["CHAIN_CALL_TARGET | /steps/2/call/host | a computed host needs uri and allowed_hosts"],
    ],
    [
      "a host on the list that is none",
      withStep({
        call: { uri: "http://a", allowed_hosts: ["http://b"], method: "GET", path: "/" },
      }),
      ["CHAIN_CALL_TARGET | /steps/2/call/allowed_hosts/0 | not a host"],
    ],
    [
      "a path without a slash",
      withStep({ call: { ...get, path: "x" } }),
      ["CHAIN_CALL_PATH | /steps/2/call/path | a path starts with /"],
    ],
    [
      "a path with a query",
      withStep({ call: { ...get, path: "/x?a=1" } }),
      ["arguments go in query"],
    ],
    [
      "a path that climbs",
      withStep({ call: { ...get, path: "/a/../b" } }),
      ["a path has no . and .. segments"],
    ],
    [
      "one that climbs in disguise",
      withStep({ call: { ...get, path: "/a/%2e%2E/b" } }),
      ["a path has no . and .. segments"],
    ],
    [
      "a path with a space",
      withStep({ call: { ...get, path: "/a b" } }),
      ["must be percent-encoded"],
    ],
    ["a broken encoding", withStep({ call: { ...get, path: "/a%2" } }), ["two hex digits"]],
    [
      "a placeholder that is none",
      withStep({ call: { ...get, path: "/{a b}" } }),
      ['"{a b}" is not a placeholder'],
    ],
    [
      "a parameter that is missing",
      withStep({ call: { ...get, path: "/{id}" } }),
      ['CHAIN_CALL_PARAM | /steps/2/call/params | path parameter "id" is not given'],
    ],
    [
      "one too many",
      withStep({ call: { ...get, path: "/{id}", params: { id: 1, idd: 2 } } }),
      ["the path has no {idd}", 'did you mean "id"?'],
    ],
    [
      "one that is no segment",
      withStep({ call: { ...get, path: "/{id}", params: { id: ".." } } }),
      ["not usable as a path segment"],
    ],
    [
      "one that is a list",
      withStep({ call: { ...get, path: "/{id}", params: { id: [1] } } }),
      ["a path segment is a string or a number"],
    ],

    [
      "a condition that is no comparison",
      withStep({ value: 1, when: "yes" }),
      ["CHAIN_CONDITION | /steps/2/when | the condition is never true", "compare it"],
    ],
    [
      "one that computes a number",
      withStep({ value: 1, when: { $op: "add", args: [{ $ref: ["a", "n"] }, 1] } }),
      ["CHAIN_CONDITION | /steps/2/when"],
    ],
    [
      "one of a branch",
      withStep({ choose: { branches: [{ when: { a: true }, value: 1 }] } }),
      ["CHAIN_CONDITION | /steps/2/choose/branches/0/when"],
    ],
    [
      "items that are no list",
      withStep({ each: { in: { a: 1 }, do: { value: 1 } } }),
      ["CHAIN_EACH | /steps/2/each/in | the items are no array"],
    ],
    [
      "items that an operator makes no list of",
      withStep({ each: { in: { $op: "length", args: [[1]] }, do: { value: 1 } } }),
      ["CHAIN_EACH | /steps/2/each/in | the items are no array"],
    ],
    [
      "more items than there may be",
      withStep({ each: { in: [1, 2, 3], max: 2, do: { value: 1 } } }),
      ["CHAIN_EACH | /steps/2/each/max | there are more items than that", "at least 3"],
    ],
    [
      "an operator on literals that it cannot take",
      withStep({ value: { $op: "add", args: ["1", 2] } }),
      ['CHAIN_OPERATOR | /steps/2/value | "add" needs a number'],
    ],
    [
      "a division that is never possible",
      withStep({ value: { $op: "div", args: [1, 0] } }),
      ['CHAIN_OPERATOR | /steps/2/value | "div"'],
    ],
    [
      "a JSONata expression with an error in it",
      withStep({ value: { $op: "jsonata", args: ["$sum(", { $ref: ["a"] }] } }),
      ['CHAIN_OPERATOR | /steps/2/value | "jsonata" cannot read the expression'],
    ],
    [
      "a response held to no schema",
      withStep({ call: get, validate: "fail" }),
      ["CHAIN_POLICY | /steps/2/validate | the call has no schema of its response"],
    ],
    [
      "one of an item",
      withStep({ each: { in: [1], do: { call: get, validate: "warn" } } }),
      ["CHAIN_POLICY | /steps/2/each/do/validate | the call has no schema"],
    ],

    [
      "a header that is none",
      withStep({ call: { ...get, headers: { "a b": "c" } } }),
      ["CHAIN_HEADER | /steps/2/call/headers/a b | not the name of a header"],
    ],
    [
      "a header of the connection",
      withStep({ call: { ...get, headers: { "Transfer-Encoding": "chunked" } } }),
      ["is set by the gateway alone"],
    ],
    [
      "a header twice",
      withStep({ call: { ...get, headers: { a: "1", A: "2" } } }),
      ["is given twice"],
    ],
    [
      "a line break in one",
      withReply({ headers: { a: "b\r\nc: d" } }),
      ["CHAIN_HEADER | /reply/headers/a | a header's value has a character it must not have"],
    ],
    [
      "an object in one",
      withReply({ headers: { a: { b: 1 } } }),
      ["a header's value is a string, a number or a boolean"],
    ],
    [
      "too many",
      withReply({
        headers: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`h${i}`, "v"])),
      }),
      ["too many headers | at most 64"],
    ],
    [
      "a status that is none",
      withReply({ status: 99 }),
      ["CHAIN_STATUS | /reply/status | not a status | 200 to 599"],
    ],

    [
      "a key that is written out",
      withStep({ call: post, idempotency_key: { args: [] } }),
      [
        'CHAIN_SHAPE | /steps/2/idempotency_key | wrong value | "auto", a reference or an operation',
      ],
    ],
    [
      "a retry of a value",
      withStep({ value: 1, retry: { attempts: 2 } }),
      [
        'CHAIN_POLICY | /steps/2/retry | "retry" does nothing on a step of kind value | a value makes no call',
      ],
    ],
    [
      "a cache of each",
      withStep({ each: { in: [], do: { value: 1 } }, cache: { ttl: 1, key: [] } }),
      ["set it on the call inside each"],
    ],
    [
      "a timeout of a value in a branch",
      withStep({ choose: { branches: [{ when: true, value: 1, timeout: 5 }] } }),
      ['CHAIN_POLICY | /steps/2/choose/branches/0/timeout | "timeout" is for calls'],
    ],
    ["an onError of an exit", withStep({ exit: {}, on_error: "skip" }), ["an exit makes no call"]],
    [
      "a cached write",
      withStep({ call: post, cache: { ttl: 1, key: [] } }),
      ["a POST is not cached", "allow_unsafe: true"],
    ],
    ["a joined write", withStep({ call: post, coalesce: true }), ["calls of POST are not joined"]],
    [
      "a hedged write",
      withStep({ call: post, hedge: { after: 1 } }),
      ["a POST is not sent twice", "give an idempotency_key"],
    ],
    [
      "a backoff upside down",
      withStep({ call: get, retry: { attempts: 2, backoff: { base: 9, max: 3 } } }),
      ["CHAIN_POLICY | /steps/2/retry/backoff/max | max is less than base | at least 9"],
    ],
    [
      "an undo of nothing",
      withStep({ each: { in: [], do: { value: 1 } }, undo: { call: post } }),
      ["CHAIN_UNDO | /steps/2/undo | there is no call to undo"],
    ],
    [
      "an undo that sees a later step",
      withStep(
        { call: post },
        {
          steps: [
            { name: "a", call: post, undo: { call: { ...post, body: ref("z") } } },
            { name: "z", value: 1 },
          ],
          reply: {},
        },
      ),
      ["CHAIN_REFERENCE_LATER | /steps/0/undo/call/body"],
    ],
    [
      "a wait for what is not there",
      withStep({ value: 1, after: ["c"] }),
      ['CHAIN_AFTER | /steps/2/after/0 | there is no step "c" | a, x'],
    ],
    [
      "a wait of the first",
      {
        v: 1,
        steps: [
          { name: "a", value: 1, after: ["b"] },
          { name: "b", value: 1 },
        ],
        reply: {},
      },
      ['"b" is not an earlier step | no names: this is the first step'],
    ],

    [
      "no end",
      withStep({ value: 1 }, {}),
      ["CHAIN_END |  | a chain has exactly one end | one of reply, forward, stream"],
    ],
    ["two ends", withStep({ call: get }, { reply: {}, stream: "b" }), ["CHAIN_END"]],
    [
      "a stream of nothing",
      withStep({ call: get }, { stream: "c" }),
      ['CHAIN_STREAM | /stream | there is no step "c"'],
    ],
    ["a stream of a value", withStep({ value: 1 }, { stream: "b" }), ['step "b" is not a call']],
    [
      "a stream of an earlier step",
      withStep({ call: get }, { stream: "a" }),
      ['step "a" is not the last step'],
    ],
    [
      "a stream that is looked at",
      withStep({ call: get, validate: "warn" }, { stream: "b" }),
      ['CHAIN_STREAM | /steps/2/validate | "validate" does not go with streaming'],
    ],
  ])("%s", (_name, chain, says) => {
    const found = findings(chain).join("\n");
    for (const part of says) expect(found).toContain(part);
    expect(found).not.toBe("");
  });

  test("all findings of a chain at once", () => {
    const chain = {
      v: 1,
      steps: [
        { name: "a", value: ref("q") },
        { name: "b", call: { ...get, path: "x" } },
      ],
    };
    expect(checkChain(chain).issues.map(({ code }) => code)).toEqual([
      "CHAIN_REFERENCE",
      "CHAIN_CALL_PATH",
      "CHAIN_END",
    ]);
  });

  test("a value that nests too deep or has too many parts", () => {
    let deep: unknown = 1;
    for (let i = 0; i < 70; i++) deep = [deep];
    expect(findings(withValue(deep)).join()).toContain(
      "the value nests too deep | at most 64 levels",
    );
    const wide = Array.from({ length: 10_001 }, () => 1);
    expect(findings(withValue(wide)).join()).toContain(
      "the value has too many parts | at most 10000",
    );
  });
});

test("never throws, whatever it is given", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (whole, part) => {
      expect(checkChain(whole).issues.length).toBeGreaterThan(0);
      checkChain({ v: 1, steps: [part], reply: part });
      checkChain({ v: 1, steps: [{ name: "a", call: part, value: part, each: part }], reply: {} });
      checkChain(withValue(part));
    }),
    { numRuns: 500 },
  );
});
