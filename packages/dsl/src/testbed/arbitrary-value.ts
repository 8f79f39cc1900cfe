import { fromLiteral, type Operator, operators, type StoredValue } from "@catena/ir";
import fc, { type Arbitrary } from "fast-check";
import { Dice } from "./dice.ts";

/** What may be referred to where a value stands. */
export interface Place {
  readonly steps: readonly string[];
  readonly calls: readonly string[];
  readonly isInEach: boolean;
}

const scalars = (): Arbitrary<StoredValue> =>
  fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (n === 0 ? 0 : n)),
    texts(),
  );

/** Texts that are hard to write down: quotes, back-ticks, `${`, line ends, emoji. */
const texts = (): Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.constantFrom("`", "$" + "{x}", "$", "\\", "\r\n", "\u2028", "'\"", "", "Bearer "),
  );

const memberNames = (): Arbitrary<string> =>
  fc.oneof(
    fc.constantFrom(
      "id",
      "name",
      "a-b",
      "0",
      "01",
      "12",
      "then",
      "__proto__",
      "constructor",
      "length",
      "toJSON",
      "$x",
    ),
    fc.string({ minLength: 1 }),
  );

/** JSONata that is hard to write down in a config. */
const EXPRESSIONS = [
  "$",
  "`a b`.c[0]",
  "'$" + '{x}\' & "\\n"',
  "a.{'`': $string(b)}",
  "/* \u2028 */ 1",
];

/** Generates values that the rules of the stored form allow. */
export class ValueGenerator extends Dice {
  /** Something that can be text: no list, no object. */
  textual(place: Place): StoredValue {
    return this.of<StoredValue>("a/b", 7, this.reference(place), this.operation(place, 1));
  }

  condition(place: Place): StoredValue {
    return this.of<() => StoredValue>(
      () => true,
      () => this.reference(place),
      () => this.operation(place, 2, new Set(["boolean", "any"])),
    )();
  }

  value(place: Place, depth: number): StoredValue {
    const kind =
      depth <= 0
        ? "scalar"
        : this.of("scalar", "ref", "ref", "op", "op", "list", "object", "literal");
    switch (kind) {
      case "scalar":
        return this.draw(scalars);
      case "ref":
        return this.reference(place);
      case "op":
        return this.operation(place, depth);
      case "list":
        return [this.value(place, depth - 1), this.value(place, depth - 1)];
      case "object":
        return this.object(() => this.value(place, depth - 1));
      case "literal":
        return {
          $literal: this.of<unknown>({ $ref: ["a"], n: null }, { x: { $y: 1 }, $z: [1] }, 5, {
            plain: 1,
          }),
        };
    }
  }

  object(member: () => StoredValue): StoredValue {
    const entries = [this.draw(memberNames), this.draw(memberNames)]
      .filter((name) => !name.startsWith("$"))
      .map((name) => [name, member()] as const);
    return Object.fromEntries(entries);
  }

  reference(place: Place): StoredValue {
    const heads: [string, ...string[]][] = [
      ["input", "body"],
      ["input", "query"],
      ["input", "headers"],
      ["input", "params"],
      ["input", "cookies"],
      ...(["method", "path", "ip", "id"] as const).map((part): [string, string] => ["input", part]),
      ...place.steps.map((name): [string] => [name]),
      ...(place.isInEach ? [["item"] as [string]] : []),
    ];
    const path = this.bool()
      ? [this.of<string | number>(this.draw(memberNames), this.int(0, 12), 1234567890123)]
      : [];
    if (place.isInEach && this.int(0, 9) === 0) return { $ref: ["index"] };
    return { $ref: [...this.of(...heads), ...path] as [string, ...(string | number)[]] };
  }

  /** @param returns what it may give; default: anything. */
  operation(place: Place, depth: number, returns?: ReadonlySet<string>): StoredValue {
    const all = [...operators.values()];
    const operator = this.of(...all.filter((one) => returns?.has(one.returns) ?? true));
    if (operator.name === "matches") {
      const args = this.notAllLiteral(operator, [this.value(place, depth - 1), "^a"], place);
      return { $op: "matches", args };
    }
    if (operator.name === "jsonata") {
      const input = this.maybe(() => this.value(place, depth - 1));
      const args = [this.of(...EXPRESSIONS), ...(input === undefined ? [] : [input])];
      return { $op: "jsonata", args };
    }
    if (operator.params.some((param) => param.kind === "step")) return this.ofStep(operator, place);
    const args = operator.params.flatMap((param): StoredValue[] => {
      if (param.optional === true && this.bool()) return [];
      const times = param.rest === true ? this.int(1, 2) * (operator.name === "object" ? 2 : 1) : 1;
      return Array.from({ length: times }, () => this.argument(param, place, depth));
    });
    return { $op: operator.name, args: this.notAllLiteral(operator, args, place) };
  }

  /** An operator on literals alone must not fail on them, so that one of them is a reference. */
  notAllLiteral(
    { params }: Operator,
    args: readonly StoredValue[],
    place: Place,
  ): readonly StoredValue[] {
    if (args.some((arg) => !fromLiteral(arg).isConstant)) return args;
    const at = params.findIndex((param) => param.kind === "value");
    return at < 0 || at >= args.length ? args : args.with(at, this.reference(place));
  }

  /** A list, or what may be one at run time. */
  items(place: Place): StoredValue {
    const of = (): StoredValue => this.operation(place, 1, new Set(["array", "any"]));
    return this.of<() => StoredValue>(
      () => [this.value(place, 1), this.value(place, 1)],
      () => this.reference(place),
      of,
    )();
  }

  argument(param: Operator["params"][number], place: Place, depth: number): StoredValue {
    switch (param.kind) {
      case "text":
        return param.choices === undefined ? this.draw(texts) : this.of(...param.choices);
      case "texts":
        return [this.draw(memberNames)];
      case "segment":
        return this.of<string | number>(this.draw(memberNames), 3);
      default:
        return this.value(place, depth - 1);
    }
  }

  ofStep(operator: Operator, { calls }: Place): StoredValue {
    if (calls.length === 0) return { $ref: ["input", "query", "none"] };
    const step: StoredValue = { $ref: [this.of(...calls)] };
    return { $op: operator.name, args: operator.name === "status" ? [step] : [step, "ETag"] };
  }

  headers(place: Place) {
    return { "x-a": this.textual(place), "X-B": this.of<StoredValue>("b", 1, true) };
  }
}
