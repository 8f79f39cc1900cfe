import { Elysia, t } from "elysia";

const stock: Readonly<Record<string, number>> = {
  "book-1": 120,
  "lamp-7": 4,
  "engine-1": 1,
  "card-9": 0,
};

/** Knows what is in stock and sets it aside. */
export function inventoryApp() {
  return new Elysia({ normalize: false })
    .post(
      "/api/v1/reservations",
      ({ body, status }) => {
        const missing = body.items.find(({ sku, quantity }) => (stock[sku] ?? 0) < quantity);
        if (missing !== undefined) return status(409, { error: "sold out", sku: missing.sku });
        return { reservation_id: `r-${body.cart_id}`, warehouse: "north" };
      },
      {
        body: t.Object(
          {
            cart_id: t.String(),
            items: t.Array(
              t.Object({ sku: t.String(), quantity: t.Integer() }, { additionalProperties: true }),
            ),
          },
          { additionalProperties: true },
        ),
      },
    )
    .get("/api/v1/stock/:sku", ({ params, status }) => {
      const left = stock[params.sku];
      return left === undefined
        ? status(404, { error: "no such article" })
        : { sku: params.sku, left };
    });
}
