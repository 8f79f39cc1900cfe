import { chainCases, refused, reply, timedOut } from "@catena/testing";
import { orderOverview } from "./order-overview.ts";

export const tests = chainCases(
  orderOverview,
  {
    "the order is read first, and everything it names after that": {
      expect: {
        status: 200,
        body: {
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
        },
        calls: { "orders.get": 1, "customers.get": 1, "payments.get": 1, "inventory.stock": 2 },
        order: ["orders.get", "customers.get"],
      },
    },
    "it does without the payment and without the stock of an article": {
      mocks: {
        "payments.get": timedOut(),
        "inventory.stock": ({ params }) =>
          params["sku"] === "lamp-7" ? refused() : { sku: "book-1", left: 3 },
      },
      expect: {
        status: 200,
        bodyPart: { payment: "unknown", stock: [{ sku: "book-1", left: 3 }, null] },
        steps: { payment: "fallback" },
      },
    },
    "an order that is not there is 404, and nobody else is asked": {
      mocks: { "orders.get": reply({}, { status: 404 }) },
      expect: { status: 404, calls: { "orders.get": 1 } },
    },
    "it is 502 when the customer cannot be read": {
      mocks: { "customers.get": refused() },
      expect: { status: 502, code: "CHAIN_STEP_UNREACHABLE" },
    },
  },
  {
    request: { params: { id: "o-1" } },
    mocks: {
      "orders.get": {
        order_id: "o-1",
        customer_id: "c-1",
        payment_id: "p-1",
        status: "confirmed",
        items: [
          { sku: "book-1", quantity: 2 },
          { sku: "lamp-7", quantity: 1 },
        ],
      },
      "customers.get": { customer_id: "c-1", customer_name: "Ada", tier: "gold" },
      "payments.get": { payment_id: "p-1", payment_status: "captured", amount_cents: 100 },
      "inventory.stock": ({ params }) => ({ sku: params["sku"] ?? "", left: 3 }),
    },
  },
);
