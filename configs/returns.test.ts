import { test } from "bun:test";
import { reply, testChain } from "@catena/testing";
import { returns } from "./returns.ts";

const ready = testChain(returns)
  .mock("verify", { verified: true, shop: "north" })
  .mock("refund", { refund_id: "f-1", refunded_cents: 100 });

const body = { order_id: "o-1" };

test("the shop's token reaches the older services as Authorization", async () => {
  const result = await ready.run({ body, headers: { "X-Shop-Token": "shop-7" } });
  result
    .expectCalled("verify", { headers: { authorization: "Bearer shop-7" } })
    .expectCalled("refund", {
      headers: { authorization: "Bearer shop-7" },
      body: { shop: "north" },
    })
    .expectForwarded({
      order_id: "o-1",
      verified: true,
      shop: "north",
      refund_id: "f-1",
      refunded_cents: 100,
    });
});

test("nothing is refunded for a token that is not verified", async () => {
  const result = await ready
    .mock("verify", reply({ error: "the token is not one of ours" }, { status: 401 }))
    .run({ body });
  result.expectStatus(401).expectNotCalled("refund");
});
