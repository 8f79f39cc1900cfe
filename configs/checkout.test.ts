import { expect, test } from "bun:test";
import { compile } from "@catena/dsl";
import { plugins } from "@catena/plugins";
import { reply, testChain } from "@catena/testing";
import { checkout } from "./checkout.ts";

const ready = testChain(checkout)
  .mock("customer", { customer_id: "c-1", total_cents: 100 })
  .mock("payment", { payment_id: "p-1" })
  .mock("inventory", { reservation_id: "r-1" });

const request = { body: { cart_id: "abc123" } };

test("the order service gets what the cart's services said, one after another", async () => {
  const result = await ready.run(request);
  result
    .expectOrder("customer", "payment", "inventory")
    .expectCalled("payment", { body: { cart_id: "abc123", customer_id: "c-1", total_cents: 100 } })
    .expectForwarded({
      cart_id: "abc123",
      customer_id: "c-1",
      total_cents: 100,
      payment_id: "p-1",
      reservation_id: "r-1",
    });
});

test("nothing is set aside when the payment is declined", async () => {
  const result = await ready
    .mock("payment", reply({ error: "declined" }, { status: 402 }))
    .run(request);
  result.expectStatus(402).expectNotCalled("inventory");
});

test("it runs on Apache APISIX too", () => {
  const { value, issues } = compile({ checkout }, { registry: plugins.registry, target: "apisix" });
  expect(issues).toEqual([]);
  expect(value?.map(({ kind, id }) => `${kind}/${id}`)).toEqual([
    "upstreams/order-service",
    "routes/checkout",
  ]);
});
