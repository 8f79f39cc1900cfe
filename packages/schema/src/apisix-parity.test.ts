import { describe, expect, test } from "bun:test";
import { isIPv4, isIPv6 } from "node:net";
import Ajv from "ajv";
import fixture from "../fixtures/apisix-main-schema.json" with { type: "json" };
import { apisixSchemaMessage, type JsonSchema, type Kind, kindNames, kinds } from "./index.ts";

/** Where a verdict of ours may differ from JSON Schema's, with the reason. */
const DIFFERENCES: readonly {
  readonly reason: string;
  readonly applies: (kind: Kind, document: unknown, theirs: boolean) => boolean;
}[] = [
  {
    reason:
      "an empty array passes for an empty object, as in APISIX, which holds both as one Lua table",
    applies: (_, document, theirs) => !theirs && holdsEmptyArray(document),
  },
  {
    reason: "a certificate or key may be a reference to where it is kept; APISIX skips its limits",
    applies: (kind, document, theirs) =>
      kind === "ssls" && !theirs && /"\$(secret|env):\/\//i.test(JSON.stringify(document)),
  },
];

function holdsEmptyArray(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0 || value.some(holdsEmptyArray);
  return typeof value === "object" && value !== null && Object.values(value).some(holdsEmptyArray);
}

const ajv = new Ajv({ strict: false, unicodeRegExp: false });
ajv.addFormat("ipv4", isIPv4);
ajv.addFormat("ipv6", (text: string) => isIPv6(text) && !text.includes("%"));

/** Kinds whose schema APISIX publishes; the others are checked by the tables beside them. */
const published = kindNames.flatMap((kind) => {
  const schema: unknown = Reflect.get(fixture, kinds[kind].schemaName);
  // The fixture is JSON Schema throughout.
  return schema === undefined ? [] : [[kind, schema as JsonSchema] as const];
});

/** Without what decides nothing: texts, order of `required`, empty `properties`, type of an enum. */
function normalize(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalize);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(
    ([name, member]) =>
      !(["properties", "items"].includes(name) && Object.keys(Object(member)).length === 0) &&
      !(name === "description" && typeof member === "string") &&
      !(name === "type" && member === "string" && "enum" in value),
  );
  return Object.fromEntries(
    members.map(([name, member]) => [
      name,
      name === "required" && Array.isArray(member) ? member.toSorted() : normalize(member),
    ]),
  );
}

test("APISIX publishes the schemas of these kinds", () => {
  expect(published.map(([kind]) => kind)).toEqual([
    "consumer_groups",
    "consumers",
    "global_rules",
    "plugin_configs",
    "protos",
    "routes",
    "services",
    "ssls",
    "stream_routes",
    "upstreams",
  ]);
});

describe.each(published)("%s", (kind, theirs) => {
  test("has the schema APISIX has", () => {
    const ours: unknown = JSON.parse(JSON.stringify(kinds[kind].schema));
    expect(normalize(ours)).toEqual(normalize(theirs));
  });

  test("judges 2,400 generated and damaged documents as APISIX's schema does", () => {
    const validate = ajv.compile(theirs);
    const random = randomFrom(`parity ${kind}`);
    const verdicts = { valid: 0, invalid: 0 };
    for (let i = 0; i < 2400; i++) {
      const document = makeDocument(theirs, random, i % 3);
      const valid = validate(document) === true;
      verdicts[valid ? "valid" : "invalid"]++;
      const message = apisixSchemaMessage(kind, document);
      const ours = message === null;
      if (ours === valid) continue;
      const known = DIFFERENCES.filter((one) => one.applies(kind, document, valid));
      if (known.length === 0) {
        throw new Error(
          `${JSON.stringify(document)} is ${valid ? "valid" : "not valid"}: ${message}`,
        );
      }
    }
    expect(verdicts.valid).toBeGreaterThan(200);
    expect(verdicts.invalid).toBeGreaterThan(200);
  });
});

type Random = () => number;

/** A seeded generator (mulberry32), so that a failure can be repeated. */
function randomFrom(name: string): Random {
  let state = Bun.hash.crc32(name);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]!;
}

const STRINGS = [
  "",
  "a",
  "abc",
  "/x",
  "/x/*",
  "1",
  "r-1_a.b",
  "a b",
  "a.com",
  "*.a.com",
  "*",
  "::1",
  "[::1]:80",
  "127.0.0.1",
  "256.1.1.1",
  "10.0.0.0/8",
  "10.0.0.0/33",
  "fe80::/10",
  "fe80::1",
  "function(vars) return true end",
  "roundrobin",
  "GET",
  "get",
  "é😀",
  "$secret://vault/1/k",
  "x".repeat(64),
  "x".repeat(65),
  "x".repeat(130),
  "x".repeat(257),
  "😀".repeat(200),
  "x\ny",
  "local _M = {} return _M",
];

/** A document that mostly fits, then `damage` changes anywhere in it. */
function makeDocument(schema: JsonSchema, random: Random, damage: number): unknown {
  let document = generate(schema, random);
  for (let i = 0; i < damage; i++) document = change(document, schema, random);
  return document;
}

function generate(schema: JsonSchema, random: Random): unknown {
  if (schema.enum !== undefined) return pick(random, schema.enum);
  switch (schema.type) {
    case "object":
      return generateObject(schema, random);
    case "array": {
      const length = Math.max(schema.minItems ?? 0, Math.floor(random() * 3));
      const items = schema.items as JsonSchema | undefined;
      return Array.from({ length }, () => generate(items ?? { type: "string" }, random));
    }
    case "string":
      return generateString(schema, random);
    case "integer":
    case "number": {
      const low = schema.minimum ?? (schema.exclusiveMinimum ?? -1) + 1;
      const high = Math.min(schema.maximum ?? 1000, low + 1000);
      return low + Math.floor(random() * (high - low + 1));
    }
    case "boolean":
      return random() < 0.5;
    default:
      return schema.anyOf === undefined ? { a: 1 } : generate(pick(random, schema.anyOf), random);
  }
}

function generateString(schema: JsonSchema, random: Random): string {
  const branch = schema.anyOf === undefined ? {} : pick(random, schema.anyOf);
  const candidates = fitting({ ...schema, ...branch });
  return pick(random, candidates.length > 0 && random() < 0.95 ? candidates : STRINGS);
}

const fittingStrings = new Map<string, string[]>();

function fitting({ minLength, maxLength, pattern, format }: JsonSchema): string[] {
  const schema = JSON.stringify({ minLength, maxLength, pattern, format });
  let strings = fittingStrings.get(schema);
  if (strings === undefined) {
    const test = ajv.compile(JSON.parse(schema));
    strings = STRINGS.filter((text) => test(text));
    fittingStrings.set(schema, strings);
  }
  return strings;
}

function generateObject(schema: JsonSchema, random: Random): unknown {
  const wanted = new Set(schema.required);
  const unwanted = new Set<string>();
  for (const list of [
    schema.anyOf,
    schema.oneOf,
    schema.then?.oneOf,
    ...(schema.allOf ?? []).map((part) => part.oneOf),
  ]) {
    if (list === undefined) continue;
    const chosen = pick(random, list);
    for (const name of list.flatMap((branch) => branch.required ?? [])) {
      if (random() < 0.95 && !(chosen.required ?? []).includes(name)) unwanted.add(name);
    }
    for (const name of chosen.required ?? []) if (random() < 0.98) wanted.add(name);
  }
  const members = Object.entries(schema.properties ?? {}).filter(
    ([name]) => wanted.has(name) || (!unwanted.has(name) && random() < 0.25),
  );
  const object: Record<string, unknown> = {};
  for (const [name, member] of members) object[name] = generate(member, random);
  for (const member of Object.values(schema.patternProperties ?? {})) {
    const names = ["a", "127.0.0.1:80", "__proto__x"].filter(() => random() < 0.5);
    for (const name of names) object[name] = generate(member, random);
  }
  return object;
}

const REPLACEMENTS: readonly unknown[] = [
  null,
  0,
  -1,
  1.5,
  70_000,
  "",
  "x",
  true,
  [],
  ["x", "x"],
  {},
  { a: 1 },
  "$ENV://A",
];

/** Replaces, removes or adds one thing somewhere in a document. */
function change(value: unknown, schema: JsonSchema, random: Random): unknown {
  if (typeof value !== "object" || value === null || random() < 0.1)
    return pick(random, REPLACEMENTS);
  const names = Object.keys(value);
  const name = pick(random, names.length > 0 ? names : ["x"]);
  const action = random();
  if (Array.isArray(value)) {
    if (action < 0.2) return [...value, value[0]];
    return value.map((item, i) => (String(i) === name ? change(item, {}, random) : item));
  }
  const member: unknown = Reflect.get(value, name);
  if (action < 0.2)
    return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));
  const known = Object.keys(schema.properties ?? {});
  if (action < 0.3)
    return { ...value, [pick(random, [...known, "unknown"])]: pick(random, REPLACEMENTS) };
  if (action < 0.4 && known.length > 0) {
    const added = pick(random, known);
    return { ...value, [added]: generate(schema.properties![added]!, random) };
  }
  return { ...value, [name]: change(member, schema.properties?.[name] ?? {}, random) };
}
