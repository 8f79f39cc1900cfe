import { add, div, max, min, mod, mul, round, sub } from "./arithmetic.ts";
import { concat, first, last, length } from "./arrays.ts";
import { eq, ge, gt, le, lt, ne } from "./compare.ts";
import { json, number, string } from "./convert.ts";
import { addSeconds, formatDate, now, parseDate, uuid } from "./dates.ts";
import { and, coalesce, exists, has, ifElse, isIn, not, or } from "./logic.ts";
import { matches } from "./matches.ts";
import { get, keys, merge, object, omit, pick } from "./objects.ts";
import type { Operator } from "./operator.ts";
import { header, headers, jsonata, status } from "./responses.ts";
import {
  endsWith,
  join,
  lower,
  replace,
  split,
  startsWith,
  substring,
  tpl,
  trim,
  upper,
} from "./text.ts";

const table: readonly Operator[] = [
  add,
  addSeconds,
  and,
  coalesce,
  concat,
  div,
  endsWith,
  eq,
  exists,
  first,
  formatDate,
  ge,
  get,
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
  mod,
  mul,
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
  string,
  sub,
  substring,
  tpl,
  trim,
  upper,
  uuid,
];

/** Every operator of stored values by its name. */
export const operators: ReadonlyMap<string, Operator> = new Map(
  table.map((operator) => [operator.name, operator]),
);
