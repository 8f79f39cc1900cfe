import { chainCases, reply } from "@catena/testing";
import { checkout } from "./checkout.ts";

export const tests = chainCases(
  checkout,
  {
    "the order service gets what the cart's services said, one after another": {
      expect: {
        order: ["customer", "payment", "inventory"],
        called: {
          payment: { body: { cart_id: "abc123", customer_id: "c-1", total_cents: 100 } },
        },
        forwarded: {
          cart_id: "abc123",
          customer_id: "c-1",
          total_cents: 100,
          payment_id: "p-1",
          reservation_id: "r-1",
        },
      },
    },
    "nothing is set aside when the payment is declined": {
      mocks: { payment: reply({ error: "declined" }, { status: 402 }) },
      expect: { status: 402, calls: { customer: 1, payment: 1 } },
    },
    "what the order service says is what the client gets": {
      upstream: reply({ order_id: "o-1" }, { status: 201 }),
      expect: { status: 201, body: { order_id: "o-1" } },
    },
  },
  {
    request: { body: { cart_id: "abc123" } },
    mocks: {
      customer: { customer_id: "c-1", total_cents: 100 },
      payment: { payment_id: "p-1" },
      inventory: { reservation_id: "r-1" },
    },
  },
);
