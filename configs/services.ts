import { op, service, upstream } from "@catena/dsl";
import { Type } from "@sinclair/typebox";

/**
 * The services this gateway calls. Their names are resolved by DNS, or by `resolver.hosts` where there
 * is none.
 */
const timeout = { connect: 1, send: 5, read: 5 };

export const customerService = upstream("customer-service", {
  nodes: { "customer_service:80": 1 },
  timeout,
});

export const paymentService = upstream("payment-service", {
  nodes: { "payment_service:80": 1 },
  timeout,
});

export const inventoryService = upstream("inventory-service", {
  nodes: { "inventory_service:80": 1 },
  timeout,
});

export const orderService = upstream("order-service", {
  nodes: { "order_service:80": 1 },
  retries: 1,
  timeout,
});

export const customers = service(
  "customers",
  { upstream: customerService },
  {
    get: op("GET", "/api/v1/users/{id}", {
      response: Type.Object({
        customer_id: Type.String(),
        customer_name: Type.String(),
        tier: Type.String(),
      }),
    }),
  },
);

export const payments = service(
  "payments",
  { upstream: paymentService },
  {
    get: op("GET", "/api/v1/payments/{id}", {
      response: Type.Object({
        payment_id: Type.String(),
        payment_status: Type.String(),
        amount_cents: Type.Integer(),
      }),
    }),
  },
);

export const inventory = service(
  "inventory",
  { upstream: inventoryService },
  {
    stock: op("GET", "/api/v1/stock/{sku}", {
      response: Type.Object({ sku: Type.String(), left: Type.Integer() }),
    }),
  },
);

export const orders = service(
  "orders",
  { upstream: orderService },
  {
    get: op("GET", "/api/v1/orders/{id}", {
      response: Type.Object({
        order_id: Type.String(),
        customer_id: Type.String(),
        payment_id: Type.String(),
        status: Type.String(),
        items: Type.Array(Type.Object({ sku: Type.String(), quantity: Type.Integer() })),
      }),
    }),
  },
);
