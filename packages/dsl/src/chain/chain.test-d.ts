import { expectTypeOf } from "bun:test";
import { Type } from "@sinclair/typebox";
import type { checkout } from "../../fixtures/order-flow.ts";
import {
  any,
  at,
  type ChainRoute,
  call,
  chain,
  choose,
  coalesce,
  each,
  eq,
  exit,
  gt,
  header,
  http,
  ifElse,
  isIn,
  lower,
  merge,
  op,
  or,
  pick,
  type Ref,
  service,
  status,
  sub,
  tpl,
  value,
  when,
} from "../index.ts";

const User = Type.Object({
  id: Type.String(),
  age: Type.Integer(),
  email: Type.Optional(Type.String()),
  vip: Type.Boolean(),
  address: Type.Union([Type.Object({ city: Type.String() }), Type.Null()]),
  tags: Type.Array(Type.String()),
});
const users = service(
  "users",
  { upstream: "u" },
  {
    get: op("GET", "/users/{id}", { response: User }),
    put: op("PUT", "/users", {
      body: Type.Object({ n: Type.Integer(), note: Type.Optional(Type.String()) }),
      response: Type.Object({}),
    }),
    find: op("GET", "/users", {
      query: Type.Object({ name: Type.String(), page: Type.Optional(Type.Integer()) }),
      response: Type.Array(User),
    }),
    ping: op("GET", "/ping"),
    keyed: op("GET", "/keyed", { headers: Type.Object({ "x-key": Type.String() }) }),
  },
);

const c = chain({
  route: "/x/:id",
  methods: ["GET"],
  input: { body: Type.Object({ id: Type.String(), n: Type.Optional(Type.Integer()) }) },
}).step("u", ($) => call(users.get, { params: { id: $.input.body.id } }));

// What is there can be reached.
c.step("a", ($) => call(users.get, { params: { id: $.u.id } }));
c.step("a", ($) => call(users.get, { params: { id: $.u.age } }));
c.step("a", ($) => call(users.get, { params: { id: $.input.params.id } }));
c.step("a", ($) => call(users.find, { query: { name: $.u.id } }));
c.step("a", () => call(users.ping));
c.step("a", () => call(users.ping, {}, { timeout: 3 }));
c.step("a", ($) => call(users.keyed, { headers: { "x-key": $.u.id, "x-more": $.u.email } }));

// A step that is not there, or not yet.
// @ts-expect-error -- there is no step "later"
c.step("a", ($) => call(users.get, { params: { id: $.later.id } }));
// @ts-expect-error -- the field is "id"
c.step("a", ($) => call(users.get, { params: { id: $.u.idd } }));
// @ts-expect-error -- the route has no parameter "name"
c.step("a", ($) => call(users.get, { params: { id: $.input.params.name } }));
// @ts-expect-error -- no such part of the request
c.step("a", ($) => call(users.get, { params: { id: $.input.boddy } }));

// Slots of a call.
// @ts-expect-error -- a path parameter is missing
c.step("a", () => call(users.get, {}));
// @ts-expect-error -- and so it is here
c.step("a", () => call(users.get));
// @ts-expect-error -- there is no parameter "ident"
c.step("a", ($) => call(users.get, { params: { id: "1", ident: $.u.id } }));
// @ts-expect-error -- a string where an integer goes
c.step("a", ($) => call(users.put, { body: { n: $.u.id } }));
// @ts-expect-error -- a required member of the body is missing
c.step("a", () => call(users.put, { body: {} }));
// @ts-expect-error -- the body has no member "m"
c.step("a", () => call(users.put, { body: { n: 1, m: 2 } }));
// @ts-expect-error -- a required query argument is missing
c.step("a", () => call(users.find, {}));
// @ts-expect-error -- the operation takes no body
c.step("a", () => call(users.ping, { body: { a: 1 } }));
// @ts-expect-error -- a header the operation needs is missing
c.step("a", () => call(users.keyed, {}));
// @ts-expect-error -- an array is no path parameter
c.step("a", ($) => call(users.get, { params: { id: $.u.tags } }));

// What may be missing.
// @ts-expect-error -- optional, into a required slot
c.step("a", ($) => call(users.get, { params: { id: $.u.email } }));
c.step("a", ($) => call(users.get, { params: { id: or($.u.email, "x") } }));
c.step("a", ($) => call(users.put, { body: { n: 1, note: $.u.email } }));
// @ts-expect-error -- a member of what may be null
c.step("a", ($) => call(users.get, { params: { id: $.u.address.city } }));
c.step("a", ($) => call(users.get, { params: { id: or($.u.address.city, "x") } }));
// @ts-expect-error -- an item may not be there
c.step("a", ($) => call(users.get, { params: { id: $.u.tags[0] } }));
// @ts-expect-error -- the default is of another type
c.step("a", ($) => call(users.get, { params: { id: or($.u.email, 3) } }));
// @ts-expect-error -- text helpers need a text that is there
c.step("a", ($) => value(lower($.u.email)));
// @ts-expect-error -- so do templates
c.step("a", ($) => value(tpl`hello ${$.u.email}`));
// @ts-expect-error -- an object is no text
c.step("a", ($) => value(tpl`hello ${$.u}`));

// Policies decide what later steps see.
const maybe = c.step("m", ($) =>
  call(users.get, { params: { id: $.u.id } }, { when: eq($.u.id, "x") }),
);
// @ts-expect-error -- the step may not have run
maybe.step("n", ($) => call(users.get, { params: { id: $.m.id } }));
maybe.step("n", ($) => call(users.get, { params: { id: or($.m.id, "x") } }));
const skipped = c.step("m", ($) =>
  call(users.get, { params: { id: $.u.id } }, { onError: "skip" }),
);
// @ts-expect-error -- the step may have been skipped
skipped.step("n", ($) => call(users.get, { params: { id: $.m.id } }));
const skipped404 = c.step("m", ($) =>
  call(users.get, { params: { id: $.u.id } }, { onStatus: { 404: "skip" } }),
);
// @ts-expect-error -- the step may have been skipped
skipped404.step("n", ($) => call(users.get, { params: { id: $.m.id } }));
const passed = c.step("m", ($) =>
  call(users.get, { params: { id: $.u.id } }, { onStatus: { 404: "pass" } }),
);
passed.step("n", ($) => call(users.get, { params: { id: $.m.id } }));
const fallback = c.step("m", ($) =>
  call(users.find, { query: { name: $.u.id } }, { onError: { fallback: [] } }),
);
fallback.step("n", ($) => each($.m, (user) => call(users.get, { params: { id: user.id } })));
const otherFallback = c.step("m", ($) =>
  call(users.get, { params: { id: $.u.id } }, { onError: { fallback: { none: true } } }),
);
// @ts-expect-error -- the fallback has no id
otherFallback.step("n", ($) => call(users.get, { params: { id: $.m.id } }));

// Names.
// @ts-expect-error -- there is already a step "u"
c.step("u", ($) => call(users.get, { params: { id: $.u.id } }));
// @ts-expect-error -- "input" is reserved
c.step("input", ($) => call(users.get, { params: { id: $.u.id } }));
// @ts-expect-error -- no such step to undo
c.undo("x", () => call(users.ping));
// @ts-expect-error -- no such step to stream
c.stream("x");
// @ts-expect-error -- a callback returns an action
c.step("a", ($) => $.u);
// @ts-expect-error -- and is not async
c.step("a", async ($) => call(users.get, { params: { id: $.u.id } }));

// References are no values.
// @ts-expect-error -- a reference is no number
c.step("a", ($) => value($.u.age * 2));
// @ts-expect-error -- nor has it methods
c.step("a", ($) => value($.u.id.toUpperCase()));
// @ts-expect-error -- nor can a list be gone over here
c.step("a", ($) => value($.u.tags.map((tag: unknown) => tag)));
// @ts-expect-error -- how many there are is length(list)
c.step("a", ($) => value($.u.tags.length));
// @ts-expect-error -- nor has a text a length of its own
c.step("a", ($) => value($.u.id.length));
// @ts-expect-error -- comparisons of different types never hold
c.step("a", ($) => value({}, { when: eq($.u.id, 3) }));
// @ts-expect-error -- a text is no condition
c.step("a", ($) => value({}, { when: $.u.id }));
c.step("a", ($) => value({}, { when: $.u.vip }));
// @ts-expect-error -- either of two booleans is any(a, b)
c.step("a", ($) => value(or($.u.vip, $.u.vip)));
c.step("a", ($) => value(any($.u.vip, $.u.vip)));
c.step("a", ($) => value(or(gt($.u.age, 3), $.u.vip)));
c.step("a", ($) => value(isIn($.u.id, ["a", "b"])));
// @ts-expect-error -- the list holds no such values
c.step("a", ($) => value(isIn($.u.id, [1, 2])));
// @ts-expect-error -- there is no member "nam"
c.step("a", ($) => value(pick($.u, "nam")));
// @ts-expect-error -- there is no member "then"
c.step("a", ($) => value(at($.u, "then")));

// Exits have no result.
const gone = c.step("gone", ($) => exit({ status: 404 }, { when: eq(status($.u), 404) }));
// @ts-expect-error -- an exit makes no call that could fail
c.step("gone", () => exit({ status: 404 }, { onError: "skip" }));
// @ts-expect-error -- an exit has no result
gone.reply(($) => ({ gone: $.gone.id }));

// each and choose.
const many = c.step("many", ($) =>
  each($.u.tags, (tag, index) => value({ tag, index }), { max: 3 }),
);
expectTypeOf(many.reply(($) => $.many)).toEqualTypeOf<
  ChainRoute<{ id: string; n?: number }, { tag: string; index: number }[]>
>();
const fallen = c.step("many", ($) =>
  each($.u.tags, (tag) => value({ tag }), {
    onError: { fallback: (tag) => ({ tag, none: true }) },
  }),
);
expectTypeOf(fallen.reply(($) => $.many)).toEqualTypeOf<
  ChainRoute<{ id: string; n?: number }, ({ tag: string } | { tag: string; none: boolean })[]>
>();
// @ts-expect-error -- each goes over lists
c.step("a", ($) => each($.u.id, () => value(1)));
// @ts-expect-error -- the list may be missing
maybe.step("a", ($) => each($.m.tags, () => value(1)));
maybe.step("a", ($) => each(or($.m.tags, []), (tag) => value(tag)));
const chosen = c.step("k", ($) =>
  choose({ branches: [when(eq($.u.id, "x"), value(1))], otherwise: value("one") }),
);
expectTypeOf(chosen.reply(($) => $.k)).toEqualTypeOf<
  ChainRoute<{ id: string; n?: number }, number | string>
>();
const unchosen = c.step("k", ($) => choose({ branches: [when(eq($.u.id, "x"), value(1))] }));
// @ts-expect-error -- no branch may have been taken
unchosen.step("l", ($) => call(users.put, { body: { n: $.k } }));

// An undo sees its own step's result as there.
maybe.undo("m", ($) => call(users.get, { params: { id: $.m.id } }));

// Undescribed JSON fits everywhere.
const open = chain({ route: "/y" })
  .step("o", () => http({ method: "GET", target: { uri: "http://o" }, path: "/" }))
  .step("p", { uri: "http://p/x" })
  .step("q", users.ping);
open.step("r", ($) => call(users.get, { params: { id: $.o.anything.deep.er } }));
open.step("r", ($) => call(users.put, { body: { n: $.p.n, note: $.q.t } }));

open.step("r", ($) => each($.o.list, (item) => call(users.get, { params: { id: item.id } })));
expectTypeOf(open.reply(($) => ({ a: or($.o.text, "x"), b: 1 }))).toEqualTypeOf<
  // biome-ignore lint/suspicious/noExplicitAny: nobody described it.
  ChainRoute<any, { a: any; b: number }>
>();

// The reply is held to the output schema.
const typed = chain({ route: "/z", output: Type.Object({ id: Type.String() }) }).step("u", () =>
  call(users.get, { params: { id: "1" } }),
);
typed.reply(($) => ({ id: $.u.id }));
// @ts-expect-error -- the member is "id"
typed.reply(($) => ({ ident: $.u.id }));
// @ts-expect-error -- and is a string
typed.reply(($) => ({ id: $.u.age }));
// @ts-expect-error -- and must be there
typed.reply(($) => ({ id: $.u.email }));

// The type of what a chain replies.
expectTypeOf<typeof checkout>().toEqualTypeOf<
  ChainRoute<
    { userId: string; cents: number },
    {
      user: { id: string; tier: number };
      stock: ({ sku: string; left: number } | null)[];
      charge: string;
      note: string;
    }
  >
>();

// Another chain's body and reply.
const inner = typed.reply(($) => ({ id: $.u.id }));
const innerTyped = chain({
  route: "/i",
  input: { body: Type.Object({ q: Type.Integer() }) },
}).reply(($) => ({ twice: $.input.body.q }));
c.step("s", ($) => sub(inner, { whatever: $.u.id })).reply(($) => ({ id: $.s.id }));
c.step("s", ($) => sub(innerTyped, { q: $.u.age })).step("t", ($) =>
  call(users.put, { body: { n: $.s.twice } }),
);
// @ts-expect-error -- a chain without an end cannot be used
c.step("s", () => sub(typed, {}));
// @ts-expect-error -- the other chain takes a number
c.step("s", ($) => sub(innerTyped, { q: $.u.id }));

// Helpers' results.
declare const text: Ref<string | undefined>;
declare const count: Ref<number>;
declare const user: Ref<{ id: string; name?: string }>;
expectTypeOf(or(text, "x")).toEqualTypeOf<Ref<string>>();
expectTypeOf(coalesce(text, count)).toEqualTypeOf<Ref<string | number>>();
expectTypeOf(ifElse(gt(count, 1), "a", count)).toEqualTypeOf<Ref<string | number>>();
expectTypeOf(pick(user, "id")).toEqualTypeOf<Ref<Pick<{ id: string; name?: string }, "id">>>();
expectTypeOf(merge(user, { id: count }).id).toEqualTypeOf<Ref<number>>();
expectTypeOf(status(text)).toEqualTypeOf<Ref<number | undefined>>();
expectTypeOf(status(count)).toEqualTypeOf<Ref<number>>();
expectTypeOf(header(count, "etag")).toEqualTypeOf<Ref<string | undefined>>();
