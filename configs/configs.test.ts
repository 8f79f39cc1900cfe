import { expect, test } from "bun:test";
import { compile } from "@catena/dsl";
import { plugins } from "@catena/plugins";
import * as checkout from "./checkout.ts";
import * as returns from "./returns.ts";

const { registry } = plugins;

test("checkout is an ordinary route that APISIX's tools can carry", () => {
  const { value, issues } = compile(checkout, { registry, target: "apisix" });
  expect(issues).toEqual([]);
  expect(value?.map(({ kind, id }) => `${kind}/${id}`)).toEqual([
    "upstreams/order-service",
    "routes/checkout",
  ]);
  expect(value?.[1]?.value).toEqual({
    id: "checkout",
    uri: "/v1/checkout",
    methods: ["POST"],
    upstream_id: "order-service",
    plugins: {
      "proxy-chain": {
        services: [
          { name: "customer", uri: "http://customer_service/api/v1/user" },
          { name: "payment", uri: "http://payment_service/api/v1/payment" },
          { name: "inventory", uri: "http://inventory_service/api/v1/reservations" },
        ],
      },
    },
  });
});

test("returns passes the shop's token on, in bounded time", () => {
  const { value, issues } = compile(returns, { registry });
  expect(issues).toEqual([]);
  expect(value?.[1]?.value["plugins"]).toEqual({
    "proxy-chain": {
      services: [
        { name: "verify", uri: "http://customer_service/legacy/v2/verify", timeout: 2000 },
        { name: "refund", uri: "http://payment_service/legacy/v2/refund", timeout: 3000 },
      ],
      token_header: "X-Shop-Token",
      deadline: 5000,
    },
  });
});
