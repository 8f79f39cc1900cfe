import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Type } from "@sinclair/typebox";
import type { Action } from "../actions/action.ts";
import {
  at,
  call,
  chain,
  choose,
  compile,
  each,
  exit,
  header,
  http,
  jsonata,
  merged,
  op,
  type Ref,
  service,
  status,
  sub,
  tpl,
  value,
  when,
} from "../index.ts";
import type { Undescribed } from "../scope-types.ts";

const users = service(
  "users",
  { upstream: "u" },
  { get: op("GET", "/users/{id}"), ping: op("GET", "/ping") },
);

interface Scope {
  readonly input: Ref<Undescribed>;
  readonly u: Ref<Undescribed>;
  readonly later: Ref<Undescribed>;
}
type Make = ($: Scope) => Action<unknown>;

const begun = () => chain({ id: "r", route: "/x" }).step("a", () => call(users.ping));

/** The findings on a step with this callback. */
function findings(make: unknown) {
  const { value: resources, issues } = compile(
    chain({ id: "r", route: "/x" })
      .step("u", () => call(users.ping))
      // The programs here are wrong on purpose, and not only in their types.
      .step("bad", make as never)
      .reply(($) => $.u),
  );
  expect(resources).toBeUndefined();
  return issues;
}

/** Programs the types let pass when nothing is described, and the proxy must catch. */
const programs: readonly (readonly [name: string, make: Make, says: string])[] = [
  [
    "a template literal",
    ($) => value(`x${$.u.id}`),
    "text of $.u.id, which has no value yet: write tpl`…` in place of a plain template",
  ],
  [
    "adding",
    ($) => value($.u.n + 1),
    "arithmetic or comparison of $.u.n, which has no value yet: use add, subtract, eq, gt and the like, or tpl`…` to build text",
  ],
  ["comparing by order", ($) => value($.u.n > 1), "arithmetic or comparison of $.u.n"],
  [
    "a method",
    ($) => value($.u.name.toUpperCase()),
    "call of $.u.name.toUpperCase, which has no value yet: methods do not exist on it; use a helper such as lower",
  ],
  ["an array method", ($) => value($.u.list.map((x: unknown) => x)), "call of $.u.list.map"],
  ["String()", ($) => value(String($.u)), "text of $.u"],
  [
    "JSON.stringify",
    ($) => value(JSON.stringify($.u)),
    "JSON.stringify of $.u, which has no value yet: use json(value)",
  ],
  [
    "spreading an object",
    ($) => value({ ...$.u, more: 1 }),
    "spread or listing of members of $.u, which has no value yet: use merge",
  ],
  [
    "spreading a list",
    ($) => value([...$.u.list]),
    "iteration of $.u.list, which has no value yet: use each",
  ],
  [
    "a for loop",
    ($) => {
      for (const x of $.u.list) return value(x);
      return value(1);
    },
    "iteration of $.u.list",
  ],
  [
    "destructuring a list",
    ($) => {
      const [x] = $.u.list;
      return value(x);
    },
    "iteration of $.u.list",
  ],
  [
    "rest of an object",
    ($) => {
      const { a, ...rest } = $.u;
      return value([a, rest]);
    },
    "spread or listing of members of $.u",
  ],
  ["Object.keys", ($) => value(Object.keys($.u)), "spread or listing of members of $.u"],
  ["in", ($) => value("x" in $.u), '"x" in of $.u, which has no value yet: use has(value, "x")'],
  [
    "assigning",
    ($) => {
      $.u.x = 1;
      return value(1);
    },
    "assignment of $.u, which has no value yet: references cannot be changed",
  ],
  [
    "deleting",
    ($) => {
      delete $.u.x;
      return value(1);
    },
    "deletion of $.u, which has no value yet: use omit",
  ],
  [
    "a name JavaScript has taken",
    ($) => value($.u.then),
    '"then" cannot be reached like that: write at($.u, "then")',
  ],
  ["a constructor", ($) => value($.u.constructor), '"constructor" cannot be reached like that'],
  [
    "a method inside each",
    ($) => each($.u.list, (item: Undescribed) => value(item.name.trim())),
    "call of item.name.trim",
  ],
  [
    "a step that is not there yet",
    ($) => value($.later),
    'there is no step "later" before this one: there are $.input, $.u',
  ],
  ["spreading the scope", ($) => value({ ...$ }), "$ cannot be spread or listed"],
  [
    "a date",
    () => value({ at: new Date(0) }),
    "an object of class Date cannot be stored as JSON: use formatDate",
  ],
  [
    "a function",
    () => value({ f: () => 1 }),
    "a value of type function cannot be stored as JSON: what runs per request is written with helpers",
  ],
  [
    "a big integer",
    () => value(1n),
    "a value of type bigint cannot be stored as JSON: write it as a string",
  ],
  ["not a number", () => value(Number.NaN), "NaN cannot be stored as JSON"],
  ["a map", () => value(new Map()), "an object of class Map cannot be stored as JSON"],
  [
    "an action inside a value",
    () => value({ x: call(users.ping) }),
    "an action cannot be stored as JSON: a step does one thing",
  ],
  [
    "a cycle",
    () => {
      const loop: Record<string, unknown> = {};
      loop["loop"] = loop;
      return value(loop);
    },
    "a value that nests this deep cannot be stored as JSON: a cycle perhaps",
  ],
  [
    "an undescribed response",
    () => http({ method: "GET", target: { uri: "http://a" }, path: "/", response: Type.Date() }),
    "a schema of type Date describes no JSON",
  ],
  [
    "an operation of no service",
    () => call(op("GET", "/x") as never, {}),
    "the operation GET /x belongs to no service",
  ],
  ["status of a member", ($) => value(status($.u.x)), "status() takes a whole step"],
  ["header of a member", ($) => value(header($.u.x, "etag")), "header() takes a whole step"],
  [
    "at on a literal",
    () => value(at({ x: 1 } as never, "x" as never)),
    "at() reaches into references only",
  ],
  ["merged of something else", () => value(merged({})), "merged() takes the whole $"],
  ["after part of a step", ($) => value(1, { after: [$.u.x] }), '"after" takes whole steps'],
  [
    "a written idempotency key",
    () => call(users.ping, {}, { idempotencyKey: "k" as never }),
    "would be the same for every request",
  ],
  [
    "a step's policy inside each",
    ($) => each($.u.list, () => call(users.ping, {}, { onError: "skip" })),
    'an item has no "onError": onError goes to each, not to the call',
  ],
  [
    "a step's policy in a branch",
    () => choose({ branches: [when(true, call(users.ping, {}, { coalesce: true }))] }),
    'a branch has no "coalesce"',
  ],
  [
    "a policy that is none",
    () => call(users.ping, {}, { timeOut: 300 } as object),
    '"timeOut" is not a policy: did you mean "timeout"?',
  ],
  [
    "a slot that is none",
    () => call(users.get, { param: { id: 1 } } as never),
    '"param" is not a slot of a request: did you mean "params"?',
  ],
  [
    "a policy of each that is none",
    ($) => each($.u.list, () => value(1), { concurency: 3 } as object),
    '"concurency" is not a policy',
  ],
  [
    "a policy of an exit that is none",
    () => exit({}, { onError: "skip" } as object),
    '"onError" is not a policy of an exit: there are when, after',
  ],
  [
    "a part of an answer that is none",
    () => exit({ code: 404 } as object),
    '"code" is not a part of an answer: ',
  ],
  [
    "a member of cache that is none",
    () => call(users.ping, {}, { cache: { ttl: 1, key: [], swr: 3 } as never }),
    '"swr" is not a member of cache',
  ],
  [
    "a way of being stale that is none",
    () => call(users.ping, {}, { cache: { ttl: 1, key: [], stale: { iferror: 3 } } as never }),
    '"iferror" is not a member of stale: did you mean "ifError"?',
  ],
  [
    "a part of choose that is none",
    () => choose({ branches: [when(true, value(1))], else: value(2) } as never),
    '"else" is not a part of choose',
  ],
  [
    "tpl called like a function",
    ($) => value(tpl(`a ` as never, $.u.id)),
    "tpl is not called like a function: put it before a template",
  ],
  [
    "a chain without an end",
    () => sub(begun() as never, undefined),
    "a chain without an end cannot be used by another: end it with .reply(…)",
  ],
  [
    "an each inside an each",
    ($) => each($.u.list, () => each($.u.list, () => value(1))),
    "an item cannot be a each: make it a chain of its own",
  ],
  [
    "nothing inside each",
    ($) => each($.u.list, () => undefined as never),
    "an item must do something",
  ],
  [
    "no action",
    () => undefined as never,
    "the callback returns nothing a step can do: return call(…)",
  ],
  ["a reference for an action", ($) => $.u, "the callback returns nothing a step can do"],
  ["an async callback", (async () => value(1)) as never, "the callback is async: it runs once"],
];

describe("a wrong program is refused with what to do, at its line", () => {
  test.each(programs)("%s", (_name, make, says) => {
    const [issue, ...more] = findings(make);
    expect(more).toEqual([]);
    expect(issue?.message).toStartWith('step "bad": ');
    expect(issue?.message).toContain(says);
    expect(issue).toMatchObject({ resource: "routes/r", source: { file: import.meta.path } });
  });

  test("the line is that of the mistake, not of the step", () => {
    const [issue] = findings(($: Scope) => {
      const id = $.u.id;
      return value(`user ${id}`);
    });
    expect(issue?.source).toMatchObject({ line: lineOf("return value(`user"), column: 28 });
  });

  test("all wrong steps are told of at once, and later ones can refer to them", () => {
    const { issues } = compile(
      chain({ id: "r", route: "/x" })
        .step("a", ($) => value(`${$.input.id}`))
        .step("b", ($) => value(($.a as Undescribed) + 1))
        .reply(($) => tpl`${$.b}`),
    );
    expect(issues.map(({ message }) => message.slice(0, 8))).toEqual(['step "a"', 'step "b"']);
  });

  test("an error of the config's own is not taken for a finding", () => {
    expect(() =>
      chain({ route: "/x" }).step("a", () => {
        throw new Error("mine");
      }),
    ).toThrow("mine");
  });

  test.each([
    [
      "an undo of nothing",
      () => begun().undo("b" as never, () => call(users.ping)),
      'undo of "b": there is no step "b"',
    ],
    [
      "an undo that makes no call",
      () => begun().undo("a", () => value(1)),
      'undo of "a": an undo makes a call',
    ],
    [
      "a second undo of one step",
      () =>
        begun()
          .undo("a", () => call(users.ping))
          .undo("a", () => call(users.ping)),
      'undo of "a": step "a" has an undo already',
    ],
    [
      "an undo with a policy",
      () => begun().undo("a", () => call(users.ping, {}, { when: true })),
      'undo of "a": an undo takes no "when"',
    ],
    [
      "an operation with parameters in the classic form",
      () => begun().step("b", users.get),
      'step "b": the operation "users.get" has path parameters',
    ],
  ])("%s", (_name, build, says) => {
    const { issues } = compile(build().reply(() => 1));
    expect(issues.map(({ message }) => message).join()).toContain(says);
  });

  test.each([
    [
      "a step of a name that is taken",
      begun()
        .step("a" as never, () => value(1))
        .reply(() => 1),
      'there is another step "a"',
    ],
    [
      "a reserved name",
      begun()
        .step("item" as never, () => value(1))
        .reply(() => 1),
      '"item" is reserved',
    ],
    [
      "a stream of what is no call",
      begun()
        .step("b", () => value(1))
        .stream("b"),
      'step "b" is not a call',
    ],
    [
      "a limit that is none",
      chain({ id: "r", route: "/x", limits: { bytes: 3 } as object })
        .step("a", () => value(1))
        .reply(() => 1),
      '"bytes" is not a limit of a chain',
    ],
    [
      "a part of the request that has no schema",
      chain({ id: "r", route: "/x", input: { cookies: Type.Object({}) } as object })
        .step("a", () => value(1))
        .reply(() => 1),
      '"cookies" is not a part of the request with a schema',
    ],
    [
      "a schema of a path parameter that the path does not have",
      chain({
        id: "r",
        route: "/x/:id",
        input: { params: Type.Object({ id: Type.String(), idd: Type.String() }) },
      })
        .step("a", () => value(1))
        .reply(() => 1),
      'the route\'s path has no parameter "idd"',
    ],
    [
      "a reply with a part that is none",
      begun().reply(() => 1, { code: 201 } as object),
      '"code" is not a part of an answer',
    ],
    [
      "a condition that is never true",
      begun()
        .step("b", () => value(1, { when: "yes" as never }))
        .reply(() => 1),
      "the condition is never true",
    ],
    [
      "a response held to no schema",
      begun()
        .step("b", () => call(users.ping, {}, { validate: "fail" }))
        .reply(() => 1),
      "the call has no schema of its response",
    ],
    [
      "a JSONata expression with an error in it",
      begun()
        .step("b", ($) => value(jsonata("$sum(", $.a)))
        .reply(() => 1),
      '"jsonata" cannot read the expression',
    ],
    [
      "an option of the classic form",
      chain({ id: "r", route: "/x", errorBodies: "literal" })
        .step("a", () => value(1))
        .reply(() => 1),
      "errorBodies is for chains of the classic form",
    ],
    [
      "another proxy-chain",
      chain({ id: "r", route: "/x", plugins: { "proxy-chain": {} } })
        .step("a", () => value(1))
        .reply(() => 1),
      "a chain's route cannot have another proxy-chain",
    ],
    [
      "a schema that describes no JSON",
      chain({ id: "r", route: "/x", output: Type.Object({ d: Type.Date() }) })
        .step("a", () => value(1))
        .reply(() => ({ d: new Date() as never })),
      "a schema of type Date describes no JSON",
    ],
  ])("%s", (_name, declared, says) => {
    const { value: resources, issues } = compile(declared);
    expect(resources).toBeUndefined();
    expect(issues.map(({ message }) => message).join("\n")).toContain(says);
  });

  test("a finding of the stored form stands at the step or undo it is about", () => {
    const { issues } = compile(
      chain({ id: "r", route: "/x" })
        .step("a", () => call(users.ping))
        .step("b", ($) => call(users.ping, {}, { when: ($ as never as Scope).input.boddy }))
        .undo("b", ($) => call(users.get, { params: { id: ($ as never as Scope).input.bodi } }))
        .reply(($) => $.a, { status: 99 }),
    );
    expect(issues.map(({ path, source }) => [path, source?.line])).toEqual([
      ["/plugins/proxy-chain/steps/1/when", lineOf('.step("b", ($) => call(users.ping, {}, {')],
      [
        "/plugins/proxy-chain/steps/1/undo/call/params/id",
        lineOf('.undo("b", ($) => call(users.get'),
      ],
      ["/plugins/proxy-chain/reply/status", lineOf(".reply(($) => $.a, { status: 99 })")],
    ]);
  });
});

function lineOf(text: string): number {
  const lines = readFileSync(import.meta.path, "utf8").split("\n");
  return lines.findIndex((line) => line.includes(text) && !line.includes("lineOf")) + 1;
}
