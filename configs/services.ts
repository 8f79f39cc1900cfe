import { upstream } from "@catena/dsl";

/** Keeps orders. Its name is resolved by DNS, or by `resolver.hosts` where there is none. */
export const orderService = upstream("order-service", {
  nodes: { "order_service:80": 1 },
  retries: 1,
  timeout: { connect: 1, send: 5, read: 5 },
});
