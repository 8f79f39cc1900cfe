import { Elysia, t } from "elysia";

/** Above this a card is declined. */
const cardLimitCents = 1_000_000;

/** Charges cards and pays back. */
export function paymentApp() {
  return new Elysia({ normalize: false })
    .post(
      "/api/v1/payment",
      ({ body, status }) =>
        body.total_cents > cardLimitCents
          ? status(402, { error: "the card was declined" })
          : {
              payment_id: `p-${body.cart_id}`,
              payment_status: "authorized",
              amount_cents: body.total_cents,
            },
      {
        body: t.Object(
          { cart_id: t.String(), customer_id: t.String(), total_cents: t.Integer() },
          { additionalProperties: true },
        ),
      },
    )
    .get("/api/v1/payments/:id", ({ params }) => ({
      payment_id: params.id,
      payment_status: "captured",
      amount_cents: 6499,
    }))
    .post(
      "/legacy/v2/refund",
      ({ body, headers, status }) =>
        headers["authorization"] === undefined
          ? status(401, { error: "a token is needed" })
          : { refund_id: `f-${body.order_id}`, refunded_cents: 6499 },
      { body: t.Object({ order_id: t.String() }, { additionalProperties: true }) },
    );
}
