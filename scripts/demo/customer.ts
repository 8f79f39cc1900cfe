import { Elysia, t } from "elysia";

interface Customer {
  readonly customer_id: string;
  readonly customer_name: string;
  readonly tier: "standard" | "gold";
}

interface Item {
  readonly sku: string;
  readonly quantity: number;
  readonly cents: number;
}

const customers: readonly Customer[] = [
  { customer_id: "c-1001", customer_name: "Ada Lovelace", tier: "gold" },
  { customer_id: "c-1002", customer_name: "Charles Babbage", tier: "standard" },
];

const carts: Readonly<Record<string, { readonly owner: number; readonly items: readonly Item[] }>> =
  {
    abc123: {
      owner: 0,
      items: [
        { sku: "book-1", quantity: 2, cents: 1250 },
        { sku: "lamp-7", quantity: 1, cents: 3999 },
      ],
    },
    declined: { owner: 1, items: [{ sku: "engine-1", quantity: 1, cents: 9_900_000 }] },
    soldout: { owner: 1, items: [{ sku: "card-9", quantity: 3, cents: 500 }] },
  };

/** Knows who owns a cart and what is in it; its old interface checks a shop's token. */
export function customerApp() {
  return new Elysia({ normalize: false })
    .post(
      "/api/v1/user",
      ({ body, status }) => {
        const cart = carts[body.cart_id];
        const owner = cart && customers[cart.owner];
        if (cart === undefined || owner === undefined) {
          return status(404, { error: "no such cart" });
        }
        const total = cart.items.reduce((sum, item) => sum + item.quantity * item.cents, 0);
        return { ...owner, items: cart.items, total_cents: total };
      },
      { body: t.Object({ cart_id: t.String() }, { additionalProperties: true }) },
    )
    .get("/api/v1/users/:id", ({ params, status }) => {
      const customer = customers.find(({ customer_id }) => customer_id === params.id);
      return customer ?? status(404, { error: "no such customer" });
    })
    .post("/legacy/v2/verify", ({ headers, status }) =>
      /^Bearer shop-[a-z0-9]+$/.test(headers["authorization"] ?? "")
        ? { verified: true, shop: "north" }
        : status(401, { error: "the token is not one of ours" }),
    );
}
