import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { formatIssue } from "@catena/errors";
import { Type } from "@sinclair/typebox";
import { checkout } from "../../fixtures/checkout.ts";
import { registry } from "../../fixtures/registry.ts";
import {
  type ChainOptions,
  type ClassicCall,
  call,
  chain,
  compile,
  type Declaration,
  http,
  merged,
  op,
  service,
  upstream,
  value,
} from "../index.ts";
import type { Undescribed } from "../scope-types.ts";

const uri = "http://customer_service/api/v1/user";

function compileRoute(
  options: Partial<ChainOptions<string>>,
  call: ClassicCall,
  target: "catena" | "apisix" = "catena",
) {
  const config = chain({ id: "r", route: "/x", ...options })
    .step("customer", call)
    .forward("1");
  const { value, issues } = compile(config, { registry, target });
  return { value, issues };
}

test("a checkout of two services is what the plugin's page shows", () => {
  const { value } = compile({ checkout }, { registry });
  expect(value?.at(-1)?.value).toEqual({
    id: "checkout",
    uri: "/v1/checkout",
    methods: ["POST"],
    upstream_id: "order-service",
    plugins: {
      "proxy-chain": {
        services: [
          { uri, name: "customer" },
          { uri: "http://payment_service/api/v1/charge?mode=test", method: "PUT", name: "payment" },
        ],
        token_header: "X-Shop-Token",
      },
    },
  });
});

describe("every field of a call and of the chain is written", () => {
  const nodes = upstream("customers", { nodes: { "customers:80": 1 } });
  test.each<[string, Partial<ChainOptions<string>>, ClassicCall, object]>([
    [
      "method",
      {},
      { uri, method: "GET" },
      { services: [{ uri, method: "GET", name: "customer" }] },
    ],
    ["timeout", {}, { uri, timeout: 250 }, { services: [{ uri, name: "customer", timeout: 250 }] }],
    [
      "sendBody",
      {},
      { uri, sendBody: true },
      { services: [{ uri, name: "customer", send_body: true }] },
    ],
    [
      "upstream_id",
      {},
      { uri, upstream_id: nodes },
      { services: [{ uri, name: "customer", upstream_id: "customers" }] },
    ],
    [
      "deadline",
      { deadline: 900 },
      { uri },
      { services: [{ uri, name: "customer" }], deadline: 900 },
    ],
    [
      "errorBodies",
      { errorBodies: "literal" },
      { uri },
      { services: [{ uri, name: "customer" }], error_bodies: "literal" },
    ],
  ])("%s", (_name, options, call, conf) => {
    const { value, issues } = compile(
      chain({ id: "r", route: "/x", ...options })
        .step("customer", call)
        .forward("1"),
      { registry },
    );
    expect(issues).toEqual([]);
    expect(value?.at(-1)?.value["plugins"]).toEqual({ "proxy-chain": conf });
  });

  test("fields and plugins of the route stay, beside several paths", () => {
    const { value } = compile(
      chain({ id: "r", route: ["/a", "/b"], host: "shop.example", plugins: { cors: {} } })
        .step("customer", { uri })
        .forward("1"),
    );
    expect(value?.[0]?.value).toMatchObject({
      uris: ["/a", "/b"],
      host: "shop.example",
      plugins: { cors: {}, "proxy-chain": { services: [{ uri }] } },
    });
  });

  test("the upstream may be the service's", () => {
    const shop = service("shop", { upstream: { nodes: { "orders:80": 1 } } });
    const { value } = compile(
      chain({ id: "r", route: "/x", service_id: shop }).step("a", { uri }).forward(),
    );
    expect(value?.map(({ id }) => id)).toEqual(["shop", "r"]);
    expect(value?.[1]?.value).not.toHaveProperty("upstream_id");
  });
});

test("a step's finding stands at the step", () => {
  const { issues } = compile(
    chain({ id: "r", route: "/x" })
      .step("good", { uri })
      .step("bad", { uri: "customer_service/api" })
      .forward("1"),
    { registry },
  );
  expect(issues.map(formatIssue)).toEqual([
    expect.stringMatching(
      /to-classic\.test\.ts:\d+:8 routes\/r \/plugins\/proxy-chain\/services\/1\/uri: service uri is not a URL/,
    ),
  ]);
  expect(issues[0]?.source?.line).toBe(lineOf('.step("bad"'));
});

/** A service that says where it is, as the Lua plugin needs it. */
const shop = service(
  "shop",
  { uri: "http://shop:81/v1" },
  {
    price: op("POST", "/price", { body: Type.Any() }),
    stock: op("GET", "/stock"),
    close: op("DELETE", "/cart"),
    item: op("GET", "/items/{id}"),
    ask: op("QUERY", "/ask"),
  },
);
const passOn = ($: { readonly input: { readonly headers: Undescribed } }) => ({
  headers: { authorization: $.input.headers["authorization"] },
});

describe("a chain written with callbacks is stored in the classic form when that says it all", () => {
  const begun = () => chain({ id: "r", route: "/x" });
  const services = (config: object, target: "catena" | "apisix" = "catena") => {
    const { value } = compile(config, { registry, target });
    return Object(value?.at(-1)?.value["plugins"])["proxy-chain"]?.services;
  };

  test("two calls that are sent what has been merged", () => {
    const config = begun()
      .step("first", ($) => call(shop.stock, passOn($)))
      .step("second", ($) => call(shop.price, { ...passOn($), body: merged($) }, { timeout: 9 }))
      .step("third", ($) => call(shop.close, { ...passOn($) }))
      .step("fourth", ($) =>
        http({
          ...passOn($),
          method: "DELETE",
          target: { uri: "http://d" },
          path: "/",
          body: merged($),
        }),
      )
      .forward("1");
    expect(services(config)).toEqual([
      { uri: "http://shop:81/v1/stock", method: "GET", name: "first" },
      { uri: "http://shop:81/v1/price", method: "POST", name: "second", timeout: 9 },
      { uri: "http://shop:81/v1/cart", method: "DELETE", name: "third" },
      { uri: "http://d/", method: "DELETE", name: "fourth", send_body: true },
    ]);
  });

  test("operations in the place of callbacks", () => {
    expect(services(begun().step("a", shop.price).step("b", shop.stock).forward("1"))).toEqual([
      { uri: "http://shop:81/v1/price", method: "POST", name: "a" },
      { uri: "http://shop:81/v1/stock", method: "GET", name: "b" },
    ]);
  });

  test("with a token header, calls that name no headers", () => {
    const config = chain({ id: "r", route: "/x", tokenHeader: "X-T" })
      .step("a", ($) => call(shop.price, { body: merged($) }))
      .forward("1");
    expect(services(config, "apisix")).toHaveLength(1);
  });

  const sent = ($: Undescribed) => ({ ...passOn($), body: merged($) });
  const price = ($: Undescribed) => call(shop.price, sent($));
  test.each<[string, Declaration]>([
    [
      "reply",
      begun()
        .step("a", price)
        .reply(() => 1),
    ],
    ["stream", begun().step("a", price).stream("a")],
    [
      "body of forward",
      begun()
        .step("a", price)
        .forward("1", ($) => $.a),
    ],
    [
      "headers of forward",
      begun()
        .step("a", price)
        .forward("1", undefined, { headers: { a: 1 } }),
    ],
    [
      "value",
      begun()
        .step("a", () => value(1))
        .forward("1"),
    ],
    [
      "undo",
      begun()
        .step("a", price)
        .undo("a", () => call(shop.stock))
        .forward("1"),
    ],
    [
      "undo",
      begun()
        .step("a", { uri })
        .undo("a", () => call(shop.stock))
        .forward("1"),
    ],
    [
      "onError",
      begun()
        .step("a", ($) => call(shop.price, sent($), { onError: "skip" }))
        .forward("1"),
    ],
    [
      "maxBytes",
      begun()
        .step("a", ($) => call(shop.price, sent($), { maxBytes: 9 }))
        .forward("1"),
    ],
    [
      "params",
      begun()
        .step("a", ($) => call(shop.item, { ...passOn($), params: { id: 1 } }))
        .forward("1"),
    ],
    [
      "upstream",
      begun()
        .step("a", ($) => call(service("s", { upstream: "u" }, { p: op("GET", "/") }).p, passOn($)))
        .forward("1"),
    ],
    [
      "upstream",
      begun()
        .step("a", service("s", { upstream: "u" }, { p: op("GET", "/") }).p)
        .forward("1"),
    ],
    [
      "headers",
      begun()
        .step("a", ($) => call(shop.price, { body: merged($) }))
        .forward("1"),
    ],
    [
      "body",
      begun()
        .step("a", ($) => call(shop.price, { ...passOn($), body: $.input.body }))
        .forward("1"),
    ],
    [
      "QUERY",
      begun()
        .step("a", ($) => call(shop.ask, passOn($)))
        .forward("1"),
    ],
    ["QUERY", begun().step("a", shop.ask).forward("1")],
    [
      "GET in parallel",
      begun()
        .step("a", price)
        .step("b", ($) => call(shop.stock, passOn($)))
        .forward("1"),
    ],
    ["chain without calls", begun().forward("1")],
    ["deadline", chain({ id: "r", route: "/x", deadline: 9 }).step("a", price).forward("1")],
    ["output", chain({ id: "r", route: "/x", output: Type.Any() }).step("a", price).forward("1")],
    [
      "onClientGone",
      chain({ id: "r", route: "/x", onClientGone: "abort" }).step("a", price).forward("1"),
    ],
  ])("%s is beyond it, and so refused for APISIX", (feature, declared) => {
    const { issues } = compile(declared, { target: "apisix" });
    expect(issues.filter(({ code }) => code === "DSL_TARGET")).toMatchObject([
      {
        message: `the Lua plugin of APISIX knows no ${feature}`,
        resource: "routes/r",
        source: { file: import.meta.path },
      },
    ]);
    if (feature === "deadline") return;
    const { fields } = declared.document("catena");
    expect(Object(fields["plugins"])["proxy-chain"]).toHaveProperty("steps");
  });
});

describe('the target "apisix"', () => {
  test("takes what the plugin's page describes", () => {
    expect(compile({ checkout }, { registry, target: "apisix" }).issues).toEqual([]);
  });

  test.each<[string, Partial<ChainOptions<string>>, ClassicCall]>([
    ["deadline", { deadline: 900 }, { uri }],
    ["timeout", {}, { uri, timeout: 1 }],
    ["sendBody", {}, { uri, sendBody: false }],
    ["upstream_id", {}, { uri, upstream_id: "1" }],
  ])("refuses %s by name and line", (feature, options, call) => {
    const { issues } = compileRoute(options, call, "apisix");
    expect(issues).toMatchObject([
      {
        code: "DSL_TARGET",
        message: `the Lua plugin of APISIX knows no ${feature}`,
        resource: "routes/r",
        source: { file: import.meta.path },
      },
    ]);
  });
});

function lineOf(text: string): number {
  const lines = readFileSync(import.meta.path, "utf8").split("\n");
  return lines.findIndex((line) => line.includes(text)) + 1;
}
