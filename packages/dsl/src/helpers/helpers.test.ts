import { describe, expect, test } from "bun:test";
import { operators } from "@catena/ir";
import * as dsl from "../index.ts";
import { pathReference } from "../reference.ts";
import type { Undescribed } from "../scope-types.ts";
import { toStored } from "../to-stored.ts";

// Undescribed, so that each helper is called as its table says.
const a: Undescribed = pathReference(["a"]);
const ref = (...path: (string | number)[]) => ({ $ref: ["a", ...path] });
const op = ($op: string, ...args: unknown[]) => ({ $op, args });

const {
  add,
  addSeconds,
  and,
  any,
  at,
  coalesce,
  concat,
  divide,
  endsWith,
  eq,
  exists,
  first,
  formatDate,
  ge,
  gt,
  has,
  header,
  headers,
  ifElse,
  isIn,
  join,
  json,
  jsonata,
  keys,
  last,
  le,
  length,
  lower,
  lt,
  matches,
  max,
  merge,
  min,
  modulo,
  multiply,
  ne,
  not,
  now,
  number,
  object,
  omit,
  or,
  parseDate,
  pick,
  replace,
  round,
  split,
  startsWith,
  status,
  stored,
  string,
  substring,
  subtract,
  tpl,
  trim,
  upper,
  uuid,
} = dsl;

const cases: readonly (readonly [written: string, value: unknown, stored: unknown])[] = [
  ["$.a.b[0]", a.b[0], ref("b", 0)],
  ["$.a['b.c']", a["b.c"], ref("b.c")],
  ["$.a['01']", a["01"], ref("01")],
  [
    "$.a.name, length, prototype-like names",
    a.name.length.arguments,
    ref("name", "length", "arguments"),
  ],
  ["add", add(a.x, 1, 2), op("add", ref("x"), 1, 2)],
  ["subtract", subtract(a.x, 1), op("sub", ref("x"), 1)],
  ["multiply", multiply(a.x, 2), op("mul", ref("x"), 2)],
  ["divide", divide(a.x, 2), op("div", ref("x"), 2)],
  ["modulo", modulo(a.x, 2), op("mod", ref("x"), 2)],
  ["min", min(a.x, 2), op("min", ref("x"), 2)],
  ["max", max(a.x, 2), op("max", ref("x"), 2)],
  ["round", round(a.x), op("round", ref("x"))],
  ["round to places", round(a.x, 2), op("round", ref("x"), 2)],
  ["number", number(a.x), op("number", ref("x"))],
  ["eq", eq(a.x, "1"), op("eq", ref("x"), "1")],
  ["ne", ne(a.x, null), op("ne", ref("x"), null)],
  ["gt", gt(a.x, 1), op("gt", ref("x"), 1)],
  ["ge", ge(a.x, "a"), op("ge", ref("x"), "a")],
  ["lt", lt(1, a.x), op("lt", 1, ref("x"))],
  ["le", le(a.x, a.y), op("le", ref("x"), ref("y"))],
  ["isIn", isIn(a.x, ["p", "q"]), op("in", ref("x"), ["p", "q"])],
  ["has", has(a.x, "p"), op("has", ref("x"), "p")],
  ["exists", exists(a.x), op("exists", ref("x"))],
  ["matches", matches(a.x, "^a+$"), op("matches", ref("x"), "^a+$")],
  ["and", and(a.x, eq(a.y, 1)), op("and", ref("x"), op("eq", ref("y"), 1))],
  ["not", not(a.x), op("not", ref("x"))],
  ["any", any(a.x, a.y), op("or", ref("x"), ref("y"))],
  ["or of conditions", or(not(a.x), a.y), op("or", op("not", ref("x")), ref("y"))],
  ["or of values", or(a.x, "y"), op("coalesce", ref("x"), "y")],
  ["coalesce", coalesce(a.x, a.y, 1), op("coalesce", ref("x"), ref("y"), 1)],
  ["ifElse", ifElse(a.x, { y: a.y }, null), op("if", ref("x"), { y: ref("y") }, null)],
  ["pick", pick(a, "x", "y"), op("pick", ref(), ["x", "y"])],
  ["omit", omit(a.x, "y"), op("omit", ref("x"), ["y"])],
  ["merge", merge(a.x, { y: 1 }), op("merge", "shallow", ref("x"), { y: 1 })],
  ["merge with a mode", merge("deep", a.x, a.y), op("merge", "deep", ref("x"), ref("y"))],
  ["keys", keys(a.x), op("keys", ref("x"))],
  [
    "object",
    object([
      [a.x, 1],
      ["$y", a.y],
    ]),
    op("object", ref("x"), 1, "$y", ref("y")),
  ],
  ["concat", concat(a.x, [1]), op("concat", ref("x"), [1])],
  ["length", length(a.x), op("length", ref("x"))],
  [
    "first, and its members",
    first<Undescribed>(a.x).b.c,
    op("get", op("first", ref("x")), "b", "c"),
  ],
  ["last", last(a.x), op("last", ref("x"))],
  ["tpl", tpl`${a.x}-${1}!`, op("tpl", ref("x"), "-", 1, "!")],
  ["tpl of nothing", tpl``, op("tpl", "")],
  ["lower", lower(a.x), op("lower", ref("x"))],
  ["upper", upper(a.x), op("upper", ref("x"))],
  ["trim", trim(a.x), op("trim", ref("x"))],
  ["split", split(a.x, ","), op("split", ref("x"), ",")],
  ["join", join(a.x, ","), op("join", ref("x"), ",")],
  ["substring", substring(a.x, 1), op("substring", ref("x"), 1)],
  ["substring to an end", substring(a.x, 1, -1), op("substring", ref("x"), 1, -1)],
  ["replace", replace(a.x, "p", "q"), op("replace", ref("x"), "p", "q")],
  ["startsWith", startsWith(a.x, "p"), op("startsWith", ref("x"), "p")],
  ["endsWith", endsWith(a.x, "p"), op("endsWith", ref("x"), "p")],
  ["string", string(a.x), op("string", ref("x"))],
  ["json", json({ x: a.x }), op("json", { x: ref("x") })],
  ["now", now(), op("now")],
  ["uuid", uuid(), op("uuid")],
  ["addSeconds", addSeconds(now(), 60), op("addSeconds", op("now"), 60)],
  ["formatDate", formatDate(a.x, "http"), op("formatDate", ref("x"), "http")],
  ["parseDate", parseDate(a.x), op("parseDate", ref("x"))],
  ["status", status(a), op("status", ref())],
  ["headers", headers(a, "Set-Cookie"), op("headers", ref(), "Set-Cookie")],
  ["header", header(a, "X-Id"), op("header", ref(), "X-Id")],
  ["jsonata", jsonata("$sum(x)", a), op("jsonata", "$sum(x)", ref())],
  ["jsonata without input", jsonata("1+1"), op("jsonata", "1+1")],
  ["at, for a name JavaScript has taken", at(a, "then"), ref("then")],
  [
    "at, of what an operator computes",
    at(first(a.x), "__proto__"),
    op("get", op("first", ref("x")), "__proto__"),
  ],
  ["stored", stored<Undescribed>({ $op: "now", args: [] }).x, op("get", op("now"), "x")],
];

describe("each helper is stored as its operator", () => {
  test.each(cases)("%s", (_written, value, expected) => {
    expect(toStored(value)).toEqual(Object(expected));
  });

  test("no operator is without a helper", () => {
    const used = new Set(
      JSON.stringify(cases.map(([, , value]) => value)).match(/(?<="\$op":")\w+/g),
    );
    expect([...operators.keys()].filter((name) => !used.has(name))).toEqual([]);
  });
});
