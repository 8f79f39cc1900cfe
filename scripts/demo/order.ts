import { Elysia, t } from "elysia";

const order = {
  order_id: "o-abc123",
  customer_id: "c-1001",
  payment_id: "p-abc123",
  status: "confirmed",
  items: [
    { sku: "book-1", quantity: 2 },
    { sku: "lamp-7", quantity: 1 },
  ],
};

/** Keeps orders: the upstream of checkout, which gets everything the other services said. */
export function orderApp() {
  return new Elysia({ normalize: false })
    .post(
      "/v1/checkout",
      ({ body, set }) => {
        set.status = 201;
        return {
          order_id: `o-${body.cart_id}`,
          status: "confirmed",
          customer_name: body.customer_name,
          payment_id: body.payment_id,
          reservation_id: body.reservation_id,
          total_cents: body.total_cents,
        };
      },
      {
        body: t.Object(
          {
            cart_id: t.String(),
            customer_name: t.String(),
            payment_id: t.String(),
            reservation_id: t.String(),
            total_cents: t.Integer(),
          },
          { additionalProperties: true },
        ),
      },
    )
    .get("/api/v1/orders/:id", ({ params, status }) =>
      params.id === order.order_id ? order : status(404, { error: "no such order" }),
    )
    .post(
      "/v1/returns",
      ({ body }) => ({
        return_id: `t-${body.order_id}`,
        order_id: body.order_id,
        shop: body.shop,
        refunded_cents: body.refunded_cents,
      }),
      {
        body: t.Object(
          { order_id: t.String(), shop: t.String(), refunded_cents: t.Integer() },
          { additionalProperties: true },
        ),
      },
    );
}
