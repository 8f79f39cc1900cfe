import { chain } from "@catena/dsl";
import { orderService } from "./services.ts";

/**
 * `POST /v1/returns {"order_id": "o-abc123"}`, for the tills of our shops: they send a token in a
 * header of their own, which the older services take as `Authorization`.
 */
export const returns = chain({
  route: "/v1/returns",
  methods: ["POST"],
  tokenHeader: "X-Shop-Token",
  deadline: 5_000,
})
  .step("verify", { uri: "http://customer_service/legacy/v2/verify", timeout: 2_000 })
  .step("refund", { uri: "http://payment_service/legacy/v2/refund", timeout: 3_000 })
  .forward(orderService);
