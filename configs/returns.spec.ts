import { chainCases, reply, timedOut } from "@catena/testing";
import { returns } from "./returns.ts";

export const tests = chainCases(
  returns,
  {
    "the shop's token reaches the older services as Authorization": {
      request: { body: { order_id: "o-1" }, headers: { "X-Shop-Token": "shop-7" } },
      expect: {
        called: {
          verify: { headers: { authorization: "Bearer shop-7" } },
          refund: { headers: { authorization: "Bearer shop-7" }, body: { shop: "north" } },
        },
        forwarded: {
          order_id: "o-1",
          verified: true,
          shop: "north",
          refund_id: "f-1",
          refunded_cents: 100,
        },
      },
    },
    "nothing is refunded for a token that is not verified": {
      mocks: { verify: reply({ error: "the token is not one of ours" }, { status: 401 }) },
      expect: { status: 401, calls: { verify: 1 } },
    },
    "a refund that does not answer in time goes no further": {
      mocks: { refund: timedOut() },
      expect: { status: 500, body: { error: "Failed to call service: refund" } },
    },
  },
  {
    request: { body: { order_id: "o-1" } },
    mocks: {
      verify: { verified: true, shop: "north" },
      refund: { refund_id: "f-1", refunded_cents: 100 },
    },
  },
);
