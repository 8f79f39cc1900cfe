import { chain } from "@catena/dsl";
import { orderService } from "./services.ts";

/**
 * `POST /v1/checkout {"cart_id": "abc123"}`: finds out who buys what, has it paid, sets it aside,
 * and places the order with all of that. Every reply is merged into what the next service gets.
 */
export const checkout = chain({ route: "/v1/checkout", methods: ["POST"] })
  .step("customer", { uri: "http://customer_service/api/v1/user" })
  .step("payment", { uri: "http://payment_service/api/v1/payment" })
  .step("inventory", { uri: "http://inventory_service/api/v1/reservations" })
  .forward(orderService);
