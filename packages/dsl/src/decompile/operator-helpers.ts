/**
 * What TypeScript takes an expression for. `any` fits everywhere; `opaque` is a type that nothing
 * is known of; the `maybe` ones may be `undefined`. What is written out is a `literal`.
 */
export type SourceKind =
  | "any"
  | "opaque"
  | "number"
  | "maybe-number"
  | "string"
  | "maybe-string"
  | "boolean"
  | "array"
  | "object"
  | "literal-number"
  | "literal-string"
  | "literal-boolean"
  | "literal-null"
  | "literal-array"
  | "literal-object";

/** Kinds an argument may be of; any other is written as `stored<any>(…)`. */
export type Accepts = ReadonlySet<SourceKind>;

const set = (...kinds: readonly SourceKind[]): Accepts => new Set(["any", ...kinds]);

const num = set("number", "literal-number");
const text = set("string", "literal-string");
const maybeText = set("string", "maybe-string", "literal-string", "literal-null");
const references = set(
  "opaque",
  "number",
  "maybe-number",
  "string",
  "maybe-string",
  "boolean",
  "array",
  "object",
);
const undescribed = set();

/** What each slot that is no operator's takes. */
export const SLOTS = {
  anything: new Set<SourceKind>([
    ...references,
    "literal-number",
    "literal-string",
    "literal-boolean",
    "literal-null",
    "literal-array",
    "literal-object",
  ]),
  condition: set("boolean", "literal-boolean"),
  segment: set("string", "number", "literal-string", "literal-number"),
  status: num,
  header: set(
    "string",
    "maybe-string",
    "number",
    "maybe-number",
    "boolean",
    "literal-string",
    "literal-number",
    "literal-boolean",
    "literal-null",
  ),
  key: set(
    "string",
    "maybe-string",
    "number",
    "maybe-number",
    "boolean",
    "literal-string",
    "literal-number",
    "literal-boolean",
    "literal-null",
  ),
  textReference: set("string"),
  text,
  list: undescribed,
} as const;

const scalar = set(
  "string",
  "number",
  "boolean",
  "literal-string",
  "literal-number",
  "literal-boolean",
);

/** The helper of an operator whose arguments are given as they are stored. */
export interface OperatorHelper {
  readonly helper: string;
  /** The last is that of all further ones. */
  readonly params: readonly Accepts[];
  readonly result: SourceKind;
}

const { anything, condition } = SLOTS;

/** Operators that are written in another way stand in `print-operation.ts`. */
export const OPERATOR_HELPERS: Readonly<Record<string, OperatorHelper>> = {
  add: { helper: "add", params: [num], result: "number" },
  addSeconds: { helper: "addSeconds", params: [num], result: "number" },
  and: { helper: "and", params: [condition], result: "boolean" },
  concat: { helper: "concat", params: [undescribed], result: "array" },
  div: { helper: "divide", params: [num], result: "number" },
  endsWith: { helper: "endsWith", params: [maybeText], result: "boolean" },
  eq: { helper: "eq", params: [undescribed, anything], result: "boolean" },
  exists: { helper: "exists", params: [references], result: "boolean" },
  first: { helper: "first", params: [undescribed], result: "any" },
  formatDate: { helper: "formatDate", params: [num, text], result: "string" },
  ge: {
    helper: "ge",
    params: [undescribed, set("number", "literal-number", "string", "literal-string")],
    result: "boolean",
  },
  gt: {
    helper: "gt",
    params: [undescribed, set("number", "literal-number", "string", "literal-string")],
    result: "boolean",
  },
  has: {
    helper: "has",
    params: [
      references,
      new Set([
        ...references,
        "literal-string",
        "literal-number",
        "literal-boolean",
        "literal-null",
      ]),
    ],
    result: "boolean",
  },
  if: { helper: "ifElse", params: [condition, anything], result: "opaque" },
  in: { helper: "isIn", params: [undescribed, set("literal-array")], result: "boolean" },
  join: { helper: "join", params: [undescribed, text], result: "string" },
  json: { helper: "json", params: [anything], result: "string" },
  keys: { helper: "keys", params: [undescribed], result: "array" },
  last: { helper: "last", params: [undescribed], result: "any" },
  le: {
    helper: "le",
    params: [undescribed, set("number", "literal-number", "string", "literal-string")],
    result: "boolean",
  },
  length: {
    helper: "length",
    params: [set("string", "literal-string", "array", "object")],
    result: "number",
  },
  lower: { helper: "lower", params: [text], result: "string" },
  lt: {
    helper: "lt",
    params: [undescribed, set("number", "literal-number", "string", "literal-string")],
    result: "boolean",
  },
  matches: { helper: "matches", params: [maybeText, text], result: "boolean" },
  max: { helper: "max", params: [num], result: "number" },
  min: { helper: "min", params: [num], result: "number" },
  mod: { helper: "modulo", params: [num], result: "number" },
  mul: { helper: "multiply", params: [num], result: "number" },
  ne: { helper: "ne", params: [undescribed, anything], result: "boolean" },
  not: { helper: "not", params: [condition], result: "boolean" },
  now: { helper: "now", params: [], result: "number" },
  number: {
    helper: "number",
    params: [set("string", "maybe-string", "number", "literal-string", "literal-number")],
    result: "maybe-number",
  },
  parseDate: { helper: "parseDate", params: [text], result: "maybe-number" },
  replace: { helper: "replace", params: [text], result: "string" },
  round: { helper: "round", params: [num], result: "number" },
  split: { helper: "split", params: [text], result: "array" },
  startsWith: { helper: "startsWith", params: [maybeText], result: "boolean" },
  string: { helper: "string", params: [scalar], result: "string" },
  sub: { helper: "subtract", params: [num], result: "number" },
  substring: { helper: "substring", params: [text, num], result: "string" },
  trim: { helper: "trim", params: [text], result: "string" },
  upper: { helper: "upper", params: [text], result: "string" },
  uuid: { helper: "uuid", params: [], result: "string" },
};

export const SCALARS = scalar;
export const OBJECTS = set("object", "literal-object");
