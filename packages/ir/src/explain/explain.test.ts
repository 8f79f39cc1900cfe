import { describe, expect, test } from "bun:test";
import { explainChain, explainMermaid, explainText, type StoredChain } from "../index.ts";
import { wordValue } from "./word-value.ts";

const get = (op: string, path = "/x") => ({ op, upstream_id: "up", method: "GET" as const, path });
const post = (op: string, body: object) => ({
  op,
  uri: "http://pay:81",
  method: "POST" as const,
  path: "/charges",
  body: { ...body },
});

const checkout: StoredChain = {
  v: 1,
  id: "checkout",
  deadline: 2500,
  steps: [
    {
      name: "user",
      call: {
        ...get("users.get", "/users/{id}"),
        params: { id: { $ref: ["input", "body", "id"] } },
      },
      timeout: 400,
      retry: { attempts: 2 },
      on_status: { 404: { pass: true }, 410: "skip" },
      cache: { ttl: 30, key: [] },
    },
    { name: "orders", call: get("orders.list"), on_error: { fallback: [] } },
    {
      name: "stock",
      each: {
        in: { $ref: ["orders", "items"] },
        max: 50,
        do: {
          call: { ...get("stock.get", "/s/{sku}"), params: { sku: { $ref: ["item", "sku"] } } },
          timeout: 90,
        },
        on_error: "skip",
      },
    },
    {
      name: "gone",
      exit: { status: 410 },
      when: { $op: "eq", args: [{ $op: "status", args: [{ $ref: ["user"] }] }, 410] },
    },
    {
      name: "charge",
      call: post("pay.charge", { user: { $ref: ["user", "id"] } }),
      when: { $op: "gt", args: [{ $ref: ["user", "tier"] }, 0] },
      idempotency_key: "auto",
      undo: { call: post("pay.refund", {}) },
    },
  ],
  reply: { body: { user: { $ref: ["user"] }, stock: { $ref: ["stock", 0, "a b"] } } },
};

const explained = explainChain(checkout).value;

test("explains a chain as data", () => {
  expect(explained).toMatchObject({
    form: "steps",
    id: "checkout",
    deadlineMs: 2500,
    waves: [["user", "orders"], ["stock"], ["gone"], ["charge"]],
    undoOrder: ["charge"],
    end: { kind: "reply", uses: ["user", 'stock[0]["a b"]'] },
  });
  expect(explained?.steps[4]).toEqual({
    name: "charge",
    kind: "call",
    wave: 3,
    isSafe: false,
    calls: [{ op: "pay.charge", method: "POST", target: "http://pay:81", path: "/charges" }],
    uses: ["user.id", "user.tier"],
    waitsFor: [
      { index: 0, name: "user", reason: "reference" },
      { index: 1, name: "orders", reason: "order" },
      { index: 2, name: "stock", reason: "order" },
      { index: 3, name: "gone", reason: "exit" },
    ],
    policies: ["when gt(user.tier, 0)", "idempotency key"],
    undo: { op: "pay.refund", method: "POST", target: "http://pay:81", path: "/charges" },
  });
  expect(JSON.parse(JSON.stringify(explained))).toEqual(explained);
});

test("words a chain for a terminal", () => {
  expect(explained && explainText(explained)).toBe(
    `
chain checkout: 5 steps in 4 waves, deadline 2500 ms

1  user    GET users.get /users/{id} at upstream up
           uses input.body.id
           timeout 400 ms, 2 attempts, on 404 pass, on 410 skip, cache 30 s
   orders  GET orders.list /x at upstream up
           on error fallback

2  stock   each of orders.items (at most 50, 16 at a time)
           GET stock.get /s/{sku} at upstream up
           uses orders.items
           waits for orders (reference)
           timeout 90 ms, an item that fails: skip

3  gone    exit answers 410
           uses user
           waits for user (reference), orders (exit), stock (exit)
           when eq(status(user), 410)

4  charge  POST pay.charge /charges at http://pay:81
           uses user.id, user.tier
           waits for user (reference), orders (order), stock (order), gone (exit)
           when gt(user.tier, 0), idempotency key
           undone by POST pay.refund /charges at http://pay:81

   reply   uses user, stock[0]["a b"]
`.trim(),
  );
});

test("draws a chain without the arrows that say nothing more", () => {
  expect(explained && explainMermaid(explained)).toBe(
    `
flowchart LR
  request([request])
  subgraph wave1["wave 1"]
    s0["user<br>GET users.get"]
    s1["orders<br>GET orders.list"]
  end
  subgraph wave2["wave 2"]
    s2["stock<br>each<br>GET stock.get"]
  end
  subgraph wave3["wave 3"]
    s3{"gone<br>exit"}
  end
  subgraph wave4["wave 4"]
    s4["charge<br>POST pay.charge"]
  end
  answer(["reply"])
  request --> s0
  request --> s1
  s1 --> s2
  s0 --> s3
  s2 -. exit .-> s3
  s0 --> s4
  s3 -. exit .-> s4
  s0 --> answer
  s2 --> answer
  u4[/"undo: POST pay.refund"/]
  s4 -.-> u4
`.trim(),
  );
});

describe("the other kinds of steps and ends", () => {
  const chain: StoredChain = {
    v: 1,
    steps: [
      { name: "v", value: { a: [{ $literal: { $x: 1 } }, null], b: {} } },
      {
        name: "c",
        choose: {
          branches: [{ when: { $ref: ["v", "a"] }, call: get('od"d#<b>'), max_bytes: 9 }],
          otherwise: { value: 1 },
        },
      },
      { name: "s", sub: { chain: "other" }, parallel: true },
    ],
    forward: { upstream_id: "next" },
  };
  const value = explainChain(chain).value;

  test("are worded", () => {
    expect(value && explainText(value)).toBe(
      `
3 steps in 2 waves, deadline 30000 ms

1  v        value { a: [{"$x":1}, null], b: {} }
   s        sub chain other
            parallel

2  c        choose the first of v.a; otherwise
            GET od"d#<b> /x at upstream up
            uses v.a
            waits for v (reference)
            at most 9 bytes

   forward  uses input.body, input.query, v, c, s to upstream next
`.trim(),
    );
  });

  test("are drawn, with what Mermaid would misread as entities", () => {
    const drawn = value === undefined ? "" : explainMermaid(value);
    expect(drawn).toContain('s1{"c<br>choose<br>GET od#quot;d#35;#lt;b>"}');
    expect(drawn).toContain("  s2 --> answer");
  });

  test("a stream uses the step it passes on", () => {
    const streamed = explainChain({ v: 1, steps: [{ name: "f", call: get("a.b") }], stream: "f" });
    expect(streamed.value?.end).toEqual({ kind: "stream", uses: ["f"] });
  });
});

test("what is done last is undone first", () => {
  const undo = { call: post("pay.refund", {}) };
  const { value } = explainChain({
    v: 1,
    steps: [
      { name: "hold", call: post("stock.hold", {}), undo },
      { name: "price", call: get("prices.get") },
      { name: "charge", call: post("pay.charge", {}), undo },
      { name: "ship", call: post("ships.book", {}), undo },
    ],
    reply: {},
  });
  expect(value?.undoOrder).toEqual(["ship", "charge", "hold"]);
  expect(value && explainText(value)).toEndWith(
    "\n   reply\n   undo    of those that were done: ship, then charge, then hold",
  );
});

describe("a chain of the classic form", () => {
  const classic = {
    services: [
      { uri: "http://a:81/one?x=1", name: "first", timeout: 50 },
      { uri: "http://b/two", method: "GET", upstream_id: "bs" },
    ],
  };

  test("goes one step after another", () => {
    const { value } = explainChain(classic);
    expect(value && explainText(value)).toBe(
      `
2 steps in 2 waves, deadline 30000 ms, classic form

1  first      POST /one at http://a:81
              uses input.body, input.query
              timeout 50 ms

2  service 2  GET /two at upstream bs
              uses input.body, input.query, first
              waits for first (reference)

   forward    uses input.body, input.query, first, service 2
`.trim(),
    );
  });

  test.each([
    ["no services", { services: [] }, "/services"],
    ["an address that is none", { services: [{ uri: "a/b" }] }, "/services/0/uri"],
  ])("with %s is refused with its issues", (_name, conf, path) => {
    expect(explainChain(conf)).toMatchObject({ issues: [{ path }] });
  });
});

test("a chain that is not valid is refused with its issues", () => {
  expect(explainChain({ v: 1, steps: [] })).toMatchObject({ issues: [{ path: "/steps" }] });
  expect(explainChain(null).value).toBeUndefined();
});

test("a long value is cut, a deep one too", () => {
  expect(wordValue("x".repeat(300))).toHaveLength(120);
  let deep: object = { $ref: ["a"] };
  for (let i = 0; i < 12; i++) deep = { $op: "not", args: [deep] };
  expect(wordValue(deep as never)).toContain("…");
});
