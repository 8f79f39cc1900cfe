import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { formatIssue } from "@catena/errors";
import { checkout } from "../../fixtures/checkout.ts";
import { registry } from "../../fixtures/registry.ts";
import {
  type ChainOptions,
  type ClassicCall,
  chain,
  compile,
  service,
  upstream,
} from "../index.ts";

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
