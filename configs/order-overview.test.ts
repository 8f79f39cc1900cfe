import { describe, test } from "bun:test";
import { refused, reply, testChain, timedOut } from "@catena/testing";
import { orderOverview } from "./order-overview.ts";
import { customers, inventory, orders, payments } from "./services.ts";

const ready = testChain(orderOverview)
  .mock(orders.get, {
    order_id: "o-1",
    customer_id: "c-1",
    payment_id: "p-1",
    status: "confirmed",
    items: [
      { sku: "book-1", quantity: 2 },
      { sku: "lamp-7", quantity: 1 },
    ],
  })
  .mock(customers.get, { customer_id: "c-1", customer_name: "Ada", tier: "gold" })
  .mock(payments.get, { payment_id: "p-1", payment_status: "captured", amount_cents: 100 })
  .mock(inventory.stock, ({ params }) => ({ sku: params["sku"] ?? "", left: 3 }));

const request = { params: { id: "o-1" } };

describe("the order overview", () => {
  test("reads the order first, and everything it names after that", async () => {
    const result = await ready.run(request);
    result
      .expectStatus(200)
      .expectBody({
        order: "o-1",
        status: "confirmed",
        customer: { name: "Ada", tier: "gold" },
        payment: "captured",
        items: [
          { sku: "book-1", quantity: 2 },
          { sku: "lamp-7", quantity: 1 },
        ],
        stock: [
          { sku: "book-1", left: 3 },
          { sku: "lamp-7", left: 3 },
        ],
      })
      .expectCalls({ "orders.get": 1, "customers.get": 1, "payments.get": 1, "inventory.stock": 2 })
      .expectOrder(orders.get, customers.get)
      .expectOrder(orders.get, inventory.stock);
  });

  test("does without the payment and without the stock of an article", async () => {
    const result = await ready
      .mock(payments.get, timedOut())
      .mock(inventory.stock, ({ params }) =>
        params["sku"] === "lamp-7" ? refused() : { sku: "book-1", left: 3 },
      )
      .run(request);
    result
      .expectStatus(200)
      .expectBodyPart({ payment: "unknown", stock: [{ sku: "book-1", left: 3 }, null] });
  });

  test("is 404 for an order that is not there, and asks nobody else", async () => {
    const result = await ready.mock("orders.get", reply({}, { status: 404 })).run(request);
    result.expectStatus(404).expectCalls({ "orders.get": 1 });
  });

  test("is 502 when the customer cannot be read", async () => {
    const result = await ready.mock(customers.get, refused()).run(request);
    result.expectStatus(502).expectCode("CHAIN_STEP_UNREACHABLE");
  });
});
