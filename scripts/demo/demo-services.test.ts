import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { type DemoCall, formatCall } from "./demo-service.ts";
import { startDemoServices } from "./demo-services.ts";

let calls: DemoCall[] = [];
const demo = startDemoServices((call) => calls.push(call));
beforeEach(() => {
  calls = [];
});
afterAll(() => demo.stop());

async function send(service: string, method: string, path: string, body?: object, token?: string) {
  const address = demo.services.find(({ name }) => name === service)!.address;
  const response = await fetch(`http://${address}${path}`, {
    method,
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  // Every demo service answers with a JSON object.
  return { status: response.status, body: (await response.json()) as object };
}

test("the services give checkout, in its order, what the next one needs", async () => {
  let merged: Record<string, unknown> = { cart_id: "abc123" };
  for (const [service, path] of [
    ["customer", "/api/v1/user"],
    ["payment", "/api/v1/payment"],
    ["inventory", "/api/v1/reservations"],
  ] as const) {
    const { status, body } = await send(service, "POST", path, merged);
    expect(status).toBe(200);
    merged = { ...merged, ...body };
  }
  expect(await send("order", "POST", "/v1/checkout", merged)).toEqual({
    status: 201,
    body: {
      order_id: "o-abc123",
      status: "confirmed",
      customer_name: "Ada Lovelace",
      payment_id: "p-abc123",
      reservation_id: "r-abc123",
      total_cents: 6499,
    },
  });
  expect(calls.map(({ service }) => service)).toEqual([
    "customer",
    "payment",
    "inventory",
    "order",
  ]);
});

describe("what goes wrong is told by a status", () => {
  const items = [{ sku: "card-9", quantity: 3 }];
  test.each([
    ["customer", "/api/v1/user", { cart_id: "none" }, 404],
    ["customer", "/legacy/v2/verify", {}, 401],
    ["payment", "/api/v1/payment", { cart_id: "x", customer_id: "y", total_cents: 9e6 }, 402],
    ["inventory", "/api/v1/reservations", { cart_id: "x", items }, 409],
    ["order", "/v1/checkout", { cart_id: "x" }, 422],
  ] as const)("%s %s", async (service, path, body, status) => {
    expect((await send(service, "POST", path, body)).status).toBe(status);
  });
});

test("a call is shown on one line, without its token", async () => {
  await send("customer", "POST", "/legacy/v2/verify?a=1", { order_id: "o-1" }, "shop-secret1");
  expect(calls.map(formatCall)).toEqual([
    'customer  POST /legacy/v2/verify?a=1 {"order_id":"o-1"} (token) -> 200 {"verified":true,"shop":"north"}',
  ]);
});
