import { describe, expect, test } from "bun:test";
import { isGatewayError } from "@catena/errors";
import { type Operator, type OperatorEnv, operators, type StoredValue } from "@catena/ir";
import fc from "fast-check";
import { plainRequest } from "../testbed/plain-request.ts";
import { compileValue } from "./compile-value.ts";
import { InputView } from "./input-view.ts";
import { viewJson } from "./json-view.ts";
import { Scope } from "./scope.ts";
import { structural } from "./structural.ts";
import { ValueContext } from "./value-context.ts";

const NO_COERCIONS = { query: new Map(), params: new Map(), headers: new Map() };
const env: OperatorEnv = {
  now: () => 0,
  uuid: () => "",
  response: () => null,
  jsonata: () => undefined,
};

/** What a value computes to with `input.body` being `body`, or the code it fails with. */
function computed(value: StoredValue, body: unknown): unknown {
  const context = new ValueContext(new Map(), [], compileValue);
  const compiled = compileValue(value, "", context);
  expect(context.issues).toEqual([]);
  const view = viewJson(JSON.stringify(body), 200);
  if ("kind" in view) throw new Error(view.message);
  const input = new InputView(plainRequest(), null, view, NO_COERCIONS, 0);
  try {
    const raw = compiled.json(new Scope(input, [], undefined, -1));
    return raw === undefined ? undefined : JSON.parse(raw);
  } catch (error) {
    return codeOf(error);
  }
}

function defined(operator: Operator, args: readonly unknown[]): unknown {
  try {
    const result = operator.evaluate(args, env);
    return result === undefined ? undefined : JSON.parse(JSON.stringify(result));
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  if (isGatewayError(error)) return `error ${error.code}`;
  throw error;
}

/** JSON whose numbers a double holds; members named as prototypes have them are among its keys. */
const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)));
const key = fc.oneof(fc.constantFrom("a", "b", "then", "constructor"), fc.string({ maxLength: 3 }));
const object = fc.dictionary(key, json, { maxKeys: 4 });
const anything = fc.oneof(
  json,
  object,
  fc.array(json, { maxLength: 4 }),
  fc.constantFrom(null, true, false),
);

/** Arguments for one operator: literals where the chain must hold them, values elsewhere. */
function argumentsOf({ params, name }: Operator): fc.Arbitrary<readonly unknown[]> {
  const most = params.at(-1)?.rest === true ? 4 : params.length;
  const few = fc.integer({
    min: params.filter((each) => each.optional !== true).length,
    max: most,
  });
  return few.chain((given) => {
    const count = name === "object" ? given - (given % 2) : given;
    const kinds = Array.from({ length: count }, (_, i) => params[Math.min(i, params.length - 1)]);
    return fc.tuple(
      ...kinds.map((param, i): fc.Arbitrary<unknown> => {
        if (name === "object" && i % 2 === 0) return key;
        if (param?.choices !== undefined) return fc.constantFrom(...param.choices);
        if (param?.kind === "texts") return fc.array(key, { maxLength: 3 });
        if (param?.kind === "segment") return fc.oneof(key, fc.nat({ max: 3 }));
        return name === "merge" || name === "pick" || name === "omit"
          ? fc.oneof({ weight: 4, arbitrary: object }, { weight: 1, arbitrary: anything })
          : anything;
      }),
    );
  });
}

/** Arguments as a chain stores them: values come from the request, in turn. */
function stored({ params }: Operator, args: readonly unknown[]): StoredValue[] {
  return args.map((arg, i) => {
    const param = params[Math.min(i, params.length - 1)];
    // A literal argument is text, a list of texts or an index.
    return param?.kind === "value" ? { $ref: ["input", "body", i] } : (arg as StoredValue);
  });
}

describe("operators on JSON text give what their definitions give", () => {
  const names = [...structural.keys(), "eq", "ne"];
  test.each(names)("%s", (name) => {
    const operator = operators.get(name);
    if (operator === undefined) throw new Error(`there is no operator "${name}"`);
    fc.assert(
      fc.property(argumentsOf(operator), (args) => {
        const value: StoredValue = { $op: name, args: stored(operator, args) };
        expect(computed(value, args)).toEqual(defined(operator, args));
      }),
      { numRuns: 300, seed: 20_260 },
    );
  });
});

describe("values keep what a double cannot hold", () => {
  const big = "12345678901234567890";
  const cases: [name: string, value: StoredValue, result: string][] = [
    ["get", { $op: "get", args: [{ $ref: ["input", "body"] }, "l", 0] }, big],
    ["first", { $op: "first", args: [{ $ref: ["input", "body", "l"] }] }, big],
    ["last", { $op: "last", args: [{ $ref: ["input", "body", "l"] }] }, "1e999"],
    [
      "concat",
      { $op: "concat", args: [{ $ref: ["input", "body", "l"] }, [1]] },
      `[${big},1e999,1]`,
    ],
    ["pick", { $op: "pick", args: [{ $ref: ["input", "body"] }, ["n"]] }, `{"n":${big}}`],
    ["omit", { $op: "omit", args: [{ $ref: ["input", "body"] }, ["l"]] }, `{"n":${big}}`],
    ["coalesce", { $op: "coalesce", args: [null, { $ref: ["input", "body", "n"] }] }, big],
    ["if", { $op: "if", args: [true, { $ref: ["input", "body", "n"] }, 0] }, big],
    ["object", { $op: "object", args: ["$x", { $ref: ["input", "body", "n"] }] }, `{"$x":${big}}`],
    ["length", { $op: "length", args: [{ $ref: ["input", "body"] }] }, "2"],
    ["keys", { $op: "keys", args: [{ $ref: ["input", "body"] }] }, '["n","l"]'],
  ];
  test.each(cases)("%s", (_, value, result) => {
    const context = new ValueContext(new Map(), [], compileValue);
    const compiled = compileValue(value, "", context);
    const view = viewJson(`{"n":${big},"l":[${big},1e999]}`, 64);
    if ("kind" in view) throw new Error(view.message);
    const input = new InputView(plainRequest(), null, view, NO_COERCIONS, 0);
    expect(compiled.json(new Scope(input, [], undefined, -1))).toBe(result);
  });
});
