import { describe, expect, test } from "bun:test";
import { call, chain, compile, op, route, service, sub, value } from "@catena/dsl";
import { isGatewayError } from "@catena/errors";
import { checkout, payments, stock, users } from "../fixtures/shop.ts";
import {
  type ChainResult,
  refused,
  reply,
  reset,
  sequence,
  testChain,
  timedOut,
  unanswered,
} from "./index.ts";

const ready = testChain(checkout)
  .mock(users.get, { id: "u/1", tier: 2 })
  .mock(stock.bySku, (sent) => ({ left: sent.params["sku"] === "a b" ? 3 : 0 }))
  .mock(payments.charge, { chargeId: "c1" })
  .mock("payments.ship", reply(undefined, { status: 204 }));

const request = { params: { cart: "7" }, body: { userId: "u/1", cents: 100, skus: ["a b", "c"] } };

test("a chain runs offline and reads as it was written", async () => {
  const result = await ready.run({ ...request, id: "r1" });
  result
    .expectStatus(201)
    .expectBody({ cart: "7", charge: "c1", left: [{ left: 3 }, { left: 0 }], note: "hello you" })
    .expectBodyPart({ charge: "c1" })
    .expectHeader("X-Shop", "north")
    .expectCalls({ "users.get": 1, "stock.bySku": 2, "payments.charge": 1, "payments.ship": 1 })
    .expectCalled(users.get, { params: { id: "u/1" } })
    .expectCalled(stock.bySku, { params: { sku: "a b" }, query: { site: "north" } })
    .expectCalled(payments.charge, { body: { cents: 100 } })
    .expectNotCalled(payments.refund)
    .expectOrder(users.get, payments.charge, payments.ship)
    .expectStep("charge", "done")
    .expectUndone();
  expect(result.calls[0]).toMatchObject({ method: "GET", target: "/users/u%2F1", answer: 200 });
  const charge = result.calls.find(({ operation }) => operation === "payments.charge");
  expect(charge?.headers["idempotency-key"]).toBeString();
  expect(ready.operations).toContain("payments.refund");
});

describe("services that fail", () => {
  test("a status is the chain's to judge", async () => {
    const result = await ready
      .mock(users.get, reply({ secret: 1 } as never, { status: 404 }))
      .run(request);
    result.expectStatus(404).expectCalls({ "users.get": 1, "stock.bySku": 2 });
    expect(JSON.stringify(result.body)).not.toContain("secret");
  });

  test("a refused connection, a timeout and a broken one", async () => {
    (await ready.mock(users.get, refused()).run(request))
      .expectStatus(502)
      .expectCode("CHAIN_STEP_UNREACHABLE");
    (await ready.mock(users.get, timedOut()).run(request))
      .expectStatus(504)
      .expectCode("CHAIN_STEP_TIMEOUT");
    (await ready.mock(users.get, reset()).run(request)).expectStatus(502);
  });

  test("one that recovers is called again, with the same key", async () => {
    const flaky = sequence<{ chargeId: string }>(reply({} as never, { status: 503 }), {
      chargeId: "c2",
    });
    const result = await ready.mock(payments.charge, flaky).run(request);
    result.expectBodyPart({ charge: "c2" });
    const keys = result.calls
      .filter(({ operation }) => operation === "payments.charge")
      .map(({ headers }) => headers["idempotency-key"]);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1] ?? "");
  });

  test("one that never answers is given up at the deadline", async () => {
    const hurried = chain({ route: "/h", methods: ["GET"], deadline: 20 })
      .step("user", () => call(users.get, { params: { id: "1" } }))
      .reply(($) => $.user);
    const result = await testChain(hurried).mock(users.get, unanswered()).run();
    result.expectStatus(504).expectCode("CHAIN_DEADLINE");
    expect(result.calls[0]?.answer).toBe("cancelled");
  });

  test("an item that fails is skipped", async () => {
    const result = await ready
      .mock(stock.bySku, ({ params }) => (params["sku"] === "c" ? refused() : { left: 1 }))
      .run(request);
    result.expectBodyPart({ left: [{ left: 1 }, null] });
  });

  test("what was done is undone", async () => {
    const result = await ready
      .mock(payments.ship, reply(undefined, { status: 500 }))
      .mock(payments.refund, reply(undefined, { status: 204 }))
      .run(request);
    result
      .expectStatus(502)
      .expectUndone("charge")
      .expectOrder(payments.charge, payments.ship, payments.refund)
      .expectCalled(payments.refund, { params: { id: "c1" } });
  });

  test("an undo that fails leaves a record", async () => {
    const result = await ready
      .mock(payments.ship, reply(undefined, { status: 500 }))
      .mock(payments.refund, reply(undefined, { status: 400 }))
      .run(request);
    result.expectBodyPart({ undo_failed: ["charge"] });
    expect(() => result.expectUndone("charge")).toThrow("found 1 records");
  });
});

test("a skipped step makes no call", async () => {
  const result = await ready.mock(users.get, { id: "u", tier: 0 }).run(request);
  result
    .expectBodyPart({ charge: "none" })
    .expectStep("charge", "skipped")
    .expectCalls({ "users.get": 1, "stock.bySku": 2 });
});

test("a request that is not what the chain takes makes no call", async () => {
  (await ready.run({ body: { userId: 1 } })).expectStatus(400).expectCalls({});
  (
    await ready.run({
      body: new TextEncoder().encode("{"),
      headers: { "content-type": "application/json" },
    })
  )
    .expectStatus(400)
    .expectStep("user", "none");
});

describe("the test itself is held to what the chain can be", () => {
  /** The message and the code of what is thrown. */
  async function fault(run: () => unknown): Promise<string> {
    try {
      await run();
    } catch (error) {
      return isGatewayError(error) ? `${error.code} ${error.message}` : String(error);
    }
    return "nothing was thrown";
  }

  test.each<[string, () => unknown, string]>([
    [
      "an operation the chain does not call",
      () => ready.mock("users.put", {}),
      'TESTING_OPERATION the chain does not call "users.put"; it calls users.get, stock.bySku',
    ],
    [
      "a mock that is no response of its operation",
      () => ready.mock("users.get", { id: 1 }),
      'TESTING_MOCK_INVALID the mock of "users.get" is no response of that operation: /id wrong type, expected string',
    ],
    [
      "one inside a sequence",
      () => ready.mock("users.get", sequence<unknown>({ id: "1", tier: 1 }, { id: 1 })),
      "TESTING_MOCK_INVALID",
    ],
    [
      "one that is made per call",
      () => ready.mock("users.get", () => ({ id: 1 })).run(request),
      "TESTING_MOCK_INVALID",
    ],
    [
      "a call that nothing answers",
      () => testChain(checkout).run(request),
      'TESTING_NO_MOCK GET /users/u%2F1 was made and nothing answers it: mock "users.get"',
    ],
    [
      "a mock that throws",
      () =>
        ready
          .mock(users.get, () => {
            throw new Error("mine");
          })
          .run(request),
      "Error: mine",
    ],
    [
      "a chain that does not compile",
      () =>
        testChain(
          chain({ route: "/" })
            .step("a", ($) => value(`${$.input}`))
            .reply(() => 1),
        ),
      "TESTING_CHAIN the chain cannot be tested: ",
    ],
    [
      "a config without a chain",
      () => testChain({ r: route({ uri: "/", upstream_id: "1" }) }),
      "TESTING_CHAIN the chain cannot be tested: there is no chain",
    ],
    [
      "a config with several",
      () =>
        testChain({
          a: checkout,
          b: chain({ route: "/b" })
            .step("v", () => value(1))
            .reply(($) => $.v),
        }),
      "say which route: { route: … } of a, b",
    ],
    [
      "a route that is not there",
      () => testChain({ a: checkout }, { route: "x" }),
      'no route "x" with a chain; there are a',
    ],
  ])("%s", async (_name, run, says) => {
    expect(await fault(run)).toContain(says);
  });

  test("an error of a service is held to no schema", () => {
    expect(() => ready.mock("users.get", reply({ error: "x" }, { status: 500 }))).not.toThrow();
  });
});

describe("an expectation that is not met says what was expected and what happened", () => {
  test.each<[string, (result: ChainResult) => unknown, string]>([
    ["status", (r) => r.expectStatus(200), "expected status 200, found 201"],
    [
      "body",
      (r) => r.expectBody({ cart: 7, charge: "c1", more: 1 }),
      'the body is another:\n  /cart: expected 7, found "7"\n  /more: expected 1, found nothing\n  /left: expected nothing, found [{"left":3},{"left":0}]',
    ],
    [
      "a part of the body",
      (r) => r.expectBodyPart({ left: [{ left: 3 }] }),
      '/left: expected [{"left":3}], found [{"left":3},{"left":0}]',
    ],
    [
      "header",
      (r) => r.expectHeader("x-shop", "south"),
      'header "x-shop": expected "south", found "north"',
    ],
    ["code", (r) => r.expectCode("X"), "expected code X, found none"],
    [
      "a call",
      (r) => r.expectCalled(payments.refund),
      "expected a call of payments.refund, found none",
    ],
    [
      "what a call carries",
      (r) => r.expectCalled(payments.charge, { body: { cents: 5 } }),
      "no call of payments.charge carries that:\n  /body/cents: expected 5, found 100",
    ],
    ["no call", (r) => r.expectNotCalled(stock.bySku), "expected no call of stock.bySku, found 2"],
    [
      "counts",
      (r) => r.expectCalls({ "users.get": 2 }),
      "other calls were made:\n  /users.get: expected 2, found 1",
    ],
    [
      "order",
      (r) => r.expectOrder(payments.ship, payments.charge),
      "expected payments.ship before payments.charge, found it after",
    ],
    [
      "a step",
      (r) => r.expectStep("charge", "skipped"),
      'step "charge": expected skipped, found done',
    ],
    [
      "undone",
      (r) => r.expectUndone("charge"),
      'other steps were undone:\n  expected ["charge"], found []',
    ],
    ["forwarded", (r) => r.expectForwarded({}), "expected the request to go on, it did not"],
  ])("%s", async (_name, expectation, says) => {
    const result = await ready.run(request);
    expect(() => expectation(result)).toThrow(says);
    expect(() => expectation(result)).toThrow("users.get: GET /users/u%2F1 -> 200");
    expect(() => expectation(result)).toThrow("charge: done");
  });
});

describe("an expectation of what the chain does not have is told, where it would always hold", () => {
  test.each<[string, (result: ChainResult) => unknown, string]>([
    ["no call", (r) => r.expectNotCalled("users.gte"), 'the chain does not call "users.gte"'],
    ["no calls", (r) => r.expectCalls({ "users.gte": 0 }), 'the chain does not call "users.gte"'],
    ["a step", (r) => r.expectStep("chrge", "none"), 'the chain has no step "chrge"; it has user,'],
  ])("%s", async (_name, expectation, says) => {
    const result = await ready.run(request);
    expect(() => expectation(result)).toThrow(says);
  });
});

describe("chains of the classic form", () => {
  const classic = chain({ route: "/c", tokenHeader: "X-T" })
    .step("customer", { uri: "http://customers/find?x=1" })
    .step("order", { uri: "http://orders/new", method: "PUT" })
    .forward("next");

  const mocked = testChain(classic)
    .mock("customer", { name: "Ada" })
    .mock("order", ({ body }) => ({ order: 1, saw: body }));

  test("end with what is forwarded", async () => {
    const result = await mocked.run({
      body: { id: 1 },
      query: { q: ["a", "b"] },
      headers: { "x-t": "tok" },
    });
    result
      .expectCalled("customer", { query: { x: "1" }, body: { id: 1, q: ["a", "b"] } })
      .expectOrder("customer", "order")
      .expectForwarded({
        id: 1,
        q: ["a", "b"],
        name: "Ada",
        order: 1,
        saw: { id: 1, q: ["a", "b"], name: "Ada" },
      });
    expect(result.calls[0]?.headers["authorization"]).toBe("Bearer tok");
  });

  test("or with what the upstream answers", async () => {
    const upstream = mocked.mockUpstream(reply({ ok: true }, { status: 202, headers: { a: "b" } }));
    (await upstream.run({ body: {} }))
      .expectStatus(202)
      .expectBody({ ok: true })
      .expectHeader("a", "b");
  });

  test("fail as they document", async () => {
    (await mocked.mock("order", refused()).run({ body: {} })).expectStatus(500);
  });
});

test("a chain that another one uses is mocked with it, by operation", async () => {
  const inner = chain({ id: "inner", route: "/inner" })
    .step("user", ($) => call(users.get, { params: { id: $.input.body.id } }))
    .reply(($) => ({ tier: $.user.tier }));
  const outer = chain({ id: "outer", route: "/outer" })
    .step("sub", () => sub(inner, { id: "9" }))
    .reply(($) => $.sub);
  const result = await testChain([outer]).mock(users.get, { id: "9", tier: 4 }).run();
  result.expectBody({ tier: 4 }).expectCalled(users.get, { params: { id: "9" } });
});

test("a call goes to the operation whose path says more", async () => {
  const api = service(
    "api",
    { uri: "http://a" },
    { one: op("GET", "/x/{id}"), me: op("GET", "/x/me"), two: op("GET", "/x/{id}/y/{id}") },
  );
  const found = chain({ route: "/" })
    .step("me", () => call(api.me))
    .step("one", () => call(api.one, { params: { id: "7" } }))
    .step("two", () => call(api.two, { params: { id: "é" } }))
    .reply(($) => [$.me, $.one, $.two]);
  const result = await testChain(found)
    .mock(api.me, "me")
    .mock(api.one, ({ params }) => params["id"])
    .mock(api.two, ({ params }) => params["id"])
    .run();
  result.expectBody(["me", "7", "é"]);
});

test("the mocks of one test are not another's", async () => {
  const base = testChain(checkout);
  base.mock(users.get, { id: "u", tier: 0 });
  expect(base.run(request)).rejects.toThrow("nothing answers it");
  expect(compile({ checkout }).value).toBeDefined();
});
