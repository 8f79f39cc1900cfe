import { checkout, payments, users } from "../fixtures/shop.ts";
import { chainCases, refused, reply, sequence, testChain } from "./index.ts";

const test = testChain(checkout);
test.mock(users.get, { id: "1", tier: 2 });
test.mock(users.get, refused());
test.mock(users.get, sequence(refused(), { id: "1", tier: 2 }));
test.mock(users.get, ({ params, count }) => ({ id: params["id"] ?? "", tier: count }));
test.mock(payments.refund, reply(undefined, { status: 204 }));
// @ts-expect-error -- the id is a string
test.mock(users.get, { id: 1, tier: 2 });
// @ts-expect-error -- the tier is missing
test.mock(users.get, { id: "1" });
// @ts-expect-error -- made per call, it must fit too
test.mock(users.get, () => ({ id: "1" }));
// @ts-expect-error -- not an operation
test.mock({ name: "users.get" }, {});

chainCases(checkout, {
  a: {
    mocks: { "users.get": ({ params }) => ({ id: params["id"] ?? "", tier: 1 }) },
    expect: { status: 200, steps: { charge: "skipped" }, called: { "users.get": { params: {} } } },
    check: (result) => result.expectStatus(200),
  },
});
// @ts-expect-error -- a status is a number
chainCases(checkout, { a: { expect: { status: "200" } } });
// @ts-expect-error -- nobody would look at that
chainCases(checkout, { a: { expects: { status: 200 } } });
// @ts-expect-error -- no step ends so
chainCases(checkout, { a: { expect: { steps: { charge: "skiped" } } } });
