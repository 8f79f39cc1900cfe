import { call, chain, each, or } from "@catena/dsl";
import { customers, inventory, orders, payments } from "./services.ts";

/**
 * `GET /v1/orders/o-abc123/overview`: what a shop's page shows of an order. The order is read first, and
 * everything it names at the same time; what is only nice to have may be missing.
 */
export const orderOverview = chain({
  id: "order-overview",
  route: "/v1/orders/:id/overview",
  methods: ["GET"],
  deadline: 3_000,
})
  .step("order", ($) =>
    call(orders.get, { params: { id: $.input.params.id } }, { onStatus: { 404: "pass" } }),
  )
  .step("customer", ($) =>
    call(
      customers.get,
      { params: { id: $.order.customer_id } },
      { timeout: 1_000, retry: { attempts: 2 } },
    ),
  )
  .step("payment", ($) =>
    call(
      payments.get,
      { params: { id: $.order.payment_id } },
      { timeout: 1_000, onError: { fallback: { payment_status: "unknown" } } },
    ),
  )
  .step("stock", ($) =>
    each(
      $.order.items,
      (item) => call(inventory.stock, { params: { sku: item.sku } }, { timeout: 500 }),
      { concurrency: 8, max: 50, onError: "skip" },
    ),
  )
  .reply(($) => ({
    order: $.order.order_id,
    status: $.order.status,
    customer: { name: $.customer.customer_name, tier: $.customer.tier },
    payment: or($.payment.payment_status, "unknown"),
    items: $.order.items,
    stock: $.stock,
  }));
