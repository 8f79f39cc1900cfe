import { describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import type { Action } from "../actions/action.ts";
import {
  and,
  call,
  chain,
  choose,
  compile,
  each,
  eq,
  exit,
  gt,
  header,
  http,
  ifElse,
  merged,
  not,
  op,
  or,
  type Ref,
  service,
  status,
  string,
  sub,
  uuid,
  value,
  when,
} from "../index.ts";
import type { Undescribed } from "../scope-types.ts";

const users = service(
  "users",
  { upstream: "users-v1" },
  {
    get: op("GET", "/users/{id}", { response: Type.Object({ id: Type.String() }) }),
    put: op("PUT", "/users", { body: Type.Any() }),
    del: op("DELETE", "/users/{id}"),
    ping: op("GET", "/ping"),
  },
);
const get = {
  op: "users.get",
  upstream_id: "users-v1",
  method: "GET",
  path: "/users/{id}",
  params: { id: "1" },
  response: { type: "object", required: ["id"], properties: { id: { type: "string" } } },
};
const ping = { op: "users.ping", upstream_id: "users-v1", method: "GET", path: "/ping" };
const params = { id: "1" };

interface Scope {
  readonly input: Ref<Undescribed>;
  readonly a: Ref<Undescribed>;
}

/** The stored form of one step after a step "a". */
function step(make: ($: Scope) => Action<unknown>): unknown {
  const { value: resources, issues } = compile(
    chain({ id: "r", route: "/x" })
      .step("a", () => call(users.ping))
      .step("b", make)
      .reply(() => ({})),
  );
  expect(issues).toEqual([]);
  const stored = conf(resources).steps[1];
  expect(stored?.["name"]).toBe("b");
  const { name: _, ...rest } = stored ?? {};
  return rest;
}

interface Conf {
  readonly steps: readonly Readonly<Record<string, unknown>>[];
}

function conf(resources: ReturnType<typeof compile>["value"]): Conf {
  const route = resources?.find(({ id }) => id === "r")?.value;
  return Object(route?.["plugins"])["proxy-chain"];
}

describe("a step is stored as what it does and its policies", () => {
  test.each<[string, ($: Scope) => Action<unknown>, object]>([
    ["a call", () => call(users.get, { params }), { call: get }],
    ["a call without anything to give", () => call(users.ping), { call: ping }],
    [
      "every slot of a call",
      ($) =>
        http({
          method: "POST",
          target: { uri: "http://a/base", allowedHosts: ["a", "b:81"] },
          path: "/p/{x}",
          name: "a.post",
          params: { x: $.a.id },
          query: { q: ["1", $.a.q], left: undefined },
          headers: { "x-a": $.a.h },
          body: [{ n: 1, left: undefined }, undefined, null],
          host: $.a.host,
          response: Type.Null(),
        }),
      {
        call: {
          op: "a.post",
          uri: "http://a/base",
          allowed_hosts: ["a", "b:81"],
          method: "POST",
          path: "/p/{x}",
          params: { x: { $ref: ["a", "id"] } },
          query: { q: ["1", { $ref: ["a", "q"] }] },
          headers: { "x-a": { $ref: ["a", "h"] } },
          body: [{ n: 1 }, null, null],
          host: { $ref: ["a", "host"] },
          response: { type: "null" },
        },
      },
    ],
    [
      "every policy of a call",
      ($) =>
        call(
          users.get,
          { params },
          {
            timeout: 1,
            retry: { attempts: 3, on: [503, "network", "timeout"], backoff: { base: 10, max: 90 } },
            onStatus: {
              404: "skip",
              409: "fail",
              410: "pass",
              429: { fallback: { id: $.a.id } },
              451: { exit: { status: 451, headers: { "x-a": "b" }, body: { a: $.a } } },
            },
            maxBytes: 100,
            validate: "warn",
            idempotencyKey: uuid(),
            when: eq($.a.id, "1"),
            after: [$.a, "a"],
            onError: { fallback: { id: "none" } },
            cache: {
              ttl: 3,
              key: [$.a.id, "k"],
              stale: { whileRevalidate: 4, ifError: 5 },
              shared: true,
              allowUnsafe: true,
            },
            coalesce: { key: [$.a.id] },
            hedge: { after: 20, max: 2 },
            breaker: { failures: 5, window: 1000, cooldown: 2000 },
            parallel: true,
          },
        ),
      {
        call: get,
        timeout: 1,
        retry: { attempts: 3, on: [503, "network", "timeout"], backoff: { base: 10, max: 90 } },
        on_status: {
          404: "skip",
          409: "fail",
          410: { pass: true },
          429: { fallback: { id: { $ref: ["a", "id"] } } },
          451: { exit: { status: 451, headers: { "x-a": "b" }, body: { a: { $ref: ["a"] } } } },
        },
        max_bytes: 100,
        validate: "warn",
        idempotency_key: { $op: "uuid", args: [] },
        when: { $op: "eq", args: [{ $ref: ["a", "id"] }, "1"] },
        after: ["a", "a"],
        on_error: { fallback: { id: "none" } },
        cache: {
          ttl: 3,
          key: [{ $ref: ["a", "id"] }, "k"],
          stale_while_revalidate: 4,
          stale_if_error: 5,
          shared: true,
          allow_unsafe: true,
        },
        coalesce: { key: [{ $ref: ["a", "id"] }] },
        hedge: { after: 20, max: 2 },
        breaker: { failures: 5, window: 1000, cooldown: 2000 },
        parallel: true,
      },
    ],
    [
      "an each",
      ($) =>
        each(
          $.a.list,
          (item, index) =>
            call(
              users.get,
              { params: { id: item.id.more } },
              { timeout: 5, idempotencyKey: string(index) },
            ),
          { concurrency: 2, max: 9, onError: { fallback: 1 }, onFailure: "skip", after: [$.a] },
        ),
      {
        each: {
          in: { $ref: ["a", "list"] },
          concurrency: 2,
          max: 9,
          do: {
            call: { ...get, params: { id: { $ref: ["item", "id", "more"] } } },
            timeout: 5,
            idempotency_key: { $op: "string", args: [{ $ref: ["index"] }] },
          },
          on_error: { fallback: 1 },
        },
        on_error: "skip",
        after: ["a"],
      },
    ],
    [
      "an each whose fallback is made of the item",
      ($) =>
        each($.a.list, () => value(1), {
          onError: { fallback: (item, index) => ({ id: item.id, index }) },
        }),
      {
        each: {
          in: { $ref: ["a", "list"] },
          do: { value: 1 },
          on_error: { fallback: { id: { $ref: ["item", "id"] }, index: { $ref: ["index"] } } },
        },
      },
    ],
    [
      "a choose",
      ($) =>
        choose(
          {
            branches: [
              when(gt($.a.n, 1), call(users.get, { params }, { timeout: 4 })),
              when(not($.a.ok), value("b")),
            ],
            otherwise: sub("other", { x: $.a.x }),
          },
          { when: and($.a.ok, true), onError: "skip" },
        ),
      {
        choose: {
          branches: [
            { when: { $op: "gt", args: [{ $ref: ["a", "n"] }, 1] }, call: get, timeout: 4 },
            { when: { $op: "not", args: [{ $ref: ["a", "ok"] }] }, value: "b" },
          ],
          otherwise: { sub: { chain: "other", body: { x: { $ref: ["a", "x"] } } } },
        },
        when: { $op: "and", args: [{ $ref: ["a", "ok"] }, true] },
        on_error: "skip",
      },
    ],
    ["a value", ($) => value({ x: $.a.x }), { value: { x: { $ref: ["a", "x"] } } }],
    [
      "a sub without a body",
      () => sub("other", undefined, { timeout: 9 }),
      { sub: { chain: "other" }, timeout: 9 },
    ],
    [
      "an exit",
      ($) => exit({ status: 404, headers: { a: 1 }, body: null }, { when: eq(status($.a), 404) }),
      {
        exit: { status: 404, headers: { a: 1 }, body: null },
        when: { $op: "eq", args: [{ $op: "status", args: [{ $ref: ["a"] }] }, 404] },
      },
    ],
  ])("%s", (_name, make, expected) => {
    // The rules on which policies go together are the stored form's, tested there.
    expect(stepAsWritten(make)).toEqual(expected);
  });

  test("what the rules of the stored form allow compiles", () => {
    expect(step(() => call(users.put, { body: {} }, { idempotencyKey: "auto" }))).toMatchObject({
      idempotency_key: "auto",
    });
  });
});

/** As `step`, whatever the rules of the stored form say of it. */
function stepAsWritten(make: ($: Scope) => Action<unknown>): unknown {
  const declared = chain({ id: "r", route: "/x" })
    .step("a", () => call(users.ping))
    .step("b", make)
    .reply(() => ({}));
  const { fields, issues } = declared.document("catena");
  expect(issues).toEqual([]);
  const stored = Object(fields["plugins"])["proxy-chain"].steps[1];
  const { name: _, ...rest } = JSON.parse(JSON.stringify(stored));
  return rest;
}

describe("the chain as a whole", () => {
  test("its options, undo and end", () => {
    const { value: resources, issues } = compile(
      chain({
        id: "r",
        chainId: "inner",
        route: "/x/:id",
        input: {
          body: Type.Any(),
          query: Type.Object({}),
          params: Type.Object({ id: Type.String() }),
          headers: Type.Object({}),
        },
        output: Type.Object({}),
        deadline: 700,
        limits: { requestBytes: 1, responseBytes: 2, mergedBytes: 3, jsonDepth: 4, subDepth: 5 },
        onClientGone: "finish",
      })
        .step("a", () => call(users.put, { body: 1 }))
        .undo("a", ($) =>
          call(users.del, { params: { id: $.a.id } }, { timeout: 3, retry: { attempts: 5 } }),
        )
        .reply(
          ($) => ({ a: $.a }),
          ($) => ({ status: ifElse($.a.isNew, 201, 200), headers: { etag: header($.a, "ETag") } }),
        ),
    );
    expect(issues).toEqual([]);
    expect(conf(resources)).toMatchObject({
      v: 1,
      id: "inner",
      input: { body: {}, params: { type: "object" } },
      output: { type: "object" },
      deadline: 700,
      limits: {
        request_bytes: 1,
        response_bytes: 2,
        merged_bytes: 3,
        json_depth: 4,
        sub_depth: 5,
      },
      on_client_gone: "finish",
      steps: [
        {
          undo: {
            call: { op: "users.del", params: { id: { $ref: ["a", "id"] } } },
            timeout: 3,
            retry: { attempts: 5 },
          },
        },
      ],
      reply: {
        body: { a: { $ref: ["a"] } },
        status: { $op: "if", args: [{ $ref: ["a", "isNew"] }, 201, 200] },
        headers: { etag: { $op: "header", args: [{ $ref: ["a"] }, "ETag"] } },
      },
    });
  });

  const begun = () => chain({ id: "r", route: "/x" }).step("a", () => call(users.ping));
  test.each([
    [
      "reply with a status",
      begun().reply(() => 1, { status: 202 }),
      { reply: { status: 202, body: 1 } },
    ],
    ["forward", begun().forward("up"), { forward: {} }],
    [
      "forward with a body and headers",
      begun().forward(
        "up",
        ($) => $.a,
        ($) => ({ headers: { x: $.a.x } }),
      ),
      { forward: { body: { $ref: ["a"] }, headers: { x: { $ref: ["a", "x"] } } } },
    ],
    ["stream", begun().stream("a"), { stream: "a" }],
  ])("%s", (_name, declared, expected) => {
    const { value: resources, issues } = compile(declared);
    expect(issues).toEqual([]);
    expect(conf(resources)).toMatchObject(expected);
  });

  test("forward names the upstream on the route", () => {
    const { value: resources } = compile(begun().forward("up"));
    expect(resources?.[0]?.value).toMatchObject({ upstream_id: "up" });
  });

  test("another chain comes along with the one that calls it, and by its own name", () => {
    const inner = begun().reply(() => 1);
    const named = chain({ id: "named", chainId: "by-name", route: "/n" })
      .step("a", () => call(users.ping))
      .reply(() => 1);
    const { value: resources, issues } = compile(
      chain({ id: "outer", route: "/o" })
        .step("s", () => sub(inner, {}))
        .step("t", () => sub(named, {}))
        .reply(($) => $.s),
    );
    expect(issues).toEqual([]);
    expect(resources?.map(({ id }) => id)).toEqual(["named", "outer", "r"]);
    expect(Object(resources?.[1]?.value["plugins"])["proxy-chain"].steps).toMatchObject([
      { sub: { chain: "r" } },
      { sub: { chain: "by-name" } },
    ]);
  });

  test("every method leaves the chain it was called on as it was", () => {
    const base = begun();
    const one = base.step("b", () => call(users.ping));
    base.step("c", () => call(users.ping));
    const undone = one.undo("b", () => call(users.ping));
    const count = (built: typeof one) => conf(compile(built.reply(() => 1)).value).steps;
    expect(count(one).map((stored) => stored["name"])).toEqual(["a", "b"]);
    expect(count(one)[1]).not.toHaveProperty("undo");
    expect(count(undone)[1]).toHaveProperty("undo");
  });

  test("steps written for the classic form beside others make the same calls", () => {
    const { value: resources, issues } = compile(
      chain({ id: "r", route: "/x" })
        .step("one", { uri: "http://one/p?x=1&x=2&y=%20", timeout: 5 })
        .step("two", { uri: "http://two:81", method: "GET" })
        .step("three", users.put)
        .reply(($) => merged($)),
    );
    expect(issues).toEqual([]);
    const headers = { authorization: { $ref: ["input", "headers", "authorization"] } };
    const start = [{ $ref: ["input", "body"] }, { $ref: ["input", "query"] }];
    const all = (...names: string[]) => ({
      $op: "merge",
      args: ["shallow", ...start, ...names.map((name) => ({ $ref: [name] }))],
    });
    expect(conf(resources)).toMatchObject({
      steps: [
        {
          name: "one",
          call: {
            uri: "http://one",
            method: "POST",
            path: "/p",
            query: { x: ["1", "2"], y: " " },
            headers,
            body: all(),
          },
          timeout: 5,
        },
        {
          name: "two",
          call: { uri: "http://two:81", method: "GET", path: "/", headers },
          after: ["one"],
        },
        { name: "three", call: { op: "users.put", headers, body: all("one", "two") } },
      ],
      reply: { body: all("one", "two", "three") },
    });
  });

  test("a token header is sent with every call that has no authorization of its own", () => {
    const { value: resources, issues } = compile(
      chain({ id: "r", route: "/x", tokenHeader: "X-Token" })
        .step("a", () => call(users.ping))
        .step("b", () => call(users.ping, { headers: { Authorization: "Basic x" } }))
        .step("c", ($) => each($.input.body, () => call(users.ping)))
        .undo("c", () => call(users.ping))
        .step("d", () => choose({ branches: [when(true, call(users.ping))], otherwise: value(1) }))
        .forward("up"),
    );
    expect(issues).toEqual([]);
    const text = JSON.stringify(conf(resources));
    expect(text.match(/"x-token"/g)).toHaveLength(5 * 3);
    expect(conf(resources).steps[1]).toMatchObject({
      call: { headers: { Authorization: "Basic x" } },
    });
  });
});

describe("literals that look like references are escaped", () => {
  test.each<[string, unknown, unknown]>([
    ["an object with $ref", { $ref: ["a"] }, { $literal: { $ref: ["a"] } }],
    ["one inside another", { x: [{ $op: 1 }] }, { x: [{ $literal: { $op: 1 } }] }],
    ["one that holds another", { $x: { $y: 1 } }, { $literal: { $x: { $y: 1 } } }],
    ["one with a member left out", { $x: undefined, y: 1 }, { y: 1 }],
    ["an own __proto__", JSON.parse('{"__proto__": 1}'), JSON.parse('{"__proto__": 1}')],
    ["an escape itself", { $literal: 1 }, { $literal: { $literal: 1 } }],
  ])("%s", (_name, given, expected) => {
    expect(step(() => value(given))).toEqual({ value: expected });
  });

  test("one that holds a reference is put together per request", () => {
    expect(step(($) => value({ $x: $.a, y: { $z: 1 } }))).toEqual({
      value: {
        $op: "object",
        args: ["$x", { $ref: ["a"] }, "y", { $literal: { $z: 1 } }],
      },
    });
  });
});

test("or of conditions is a condition, of values the first that is there", () => {
  expect(step(($) => value([or(eq($.a, 1), $.a.b), or($.a.b, "x")]))).toEqual({
    value: [
      { $op: "or", args: [{ $op: "eq", args: [{ $ref: ["a"] }, 1] }, { $ref: ["a", "b"] }] },
      { $op: "coalesce", args: [{ $ref: ["a", "b"] }, "x"] },
    ],
  });
});
