import { isGatewayError, pointerSegment } from "@catena/errors";
import { CHAIN_LIMITS, INPUT_PARTS } from "../chain-limits.ts";
import { describeFound } from "../describe-found.ts";
import { nearestName } from "../nearest-name.ts";
import { isTextList } from "../operators/objects.ts";
import type { Operator, OperatorEnv, OperatorParam } from "../operators/operator.ts";
import { operators } from "../operators/registry.ts";
import type { StoredStep, StoredValue } from "../stored-chain.ts";
import { fromLiteral } from "../stored-value.ts";
import type { Findings } from "./findings.ts";

/** What the values at some place of a chain may refer to. */
export interface ValueScope {
  /** Every step of the chain, so that a later one is told from one that does not exist. */
  readonly all: ReadonlyMap<string, StoredStep>;
  /** Names of the steps that can be referred to here. */
  readonly visible: ReadonlySet<string>;
  /** Whether this is inside `each.do`, where `item` and `index` exist. */
  readonly isInEach: boolean;
}

/** Checks every reference, operator and `$` key of one stored value. */
export function checkValue(
  value: unknown,
  path: string,
  scope: ValueScope,
  findings: Findings,
): void {
  new ValueChecker(scope, findings, path).check(value, path, 0);
}

class ValueChecker {
  readonly #scope: ValueScope;
  readonly #findings: Findings;
  readonly #root: string;
  #nodes = 0;

  constructor(scope: ValueScope, findings: Findings, root: string) {
    this.#scope = scope;
    this.#findings = findings;
    this.#root = root;
  }

  check(value: unknown, path: string, depth: number): void {
    if (!this.#isWithinLimits(path, depth)) return;
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) this.check(item, `${path}/${index}`, depth + 1);
    } else if (typeof value === "object" && value !== null) {
      this.#object(value, path, depth);
    } else if (typeof value === "number" ? !Number.isFinite(value) : !isScalar(value)) {
      this.#findings.add(path, "CHAIN_VALUE", "not a JSON value", { found: describeFound(value) });
    }
  }

  #isWithinLimits(path: string, depth: number): boolean {
    this.#nodes++;
    if (depth > CHAIN_LIMITS.maxValueDepth) {
      this.#findings.add(path, "CHAIN_VALUE_LIMIT", "the value nests too deep", {
        expected: `at most ${CHAIN_LIMITS.maxValueDepth} levels`,
      });
      return false;
    }
    if (this.#nodes === CHAIN_LIMITS.maxValueNodes + 1) {
      this.#findings.add(this.#root, "CHAIN_VALUE_LIMIT", "the value has too many parts", {
        expected: `at most ${CHAIN_LIMITS.maxValueNodes}`,
      });
    }
    return this.#nodes <= CHAIN_LIMITS.maxValueNodes;
  }

  #object(value: object, path: string, depth: number): void {
    const keys = Object.keys(value);
    const dollar = keys.find((key) => key.startsWith("$"));
    if (dollar === undefined) {
      for (const [key, member] of Object.entries(value)) {
        this.check(member, `${path}/${pointerSegment(key)}`, depth + 1);
      }
      return;
    }
    const members: Readonly<Record<string, unknown>> = { ...value };
    const isOperation = keys.length === 2 && "$op" in members && "args" in members;
    if (isOperation) this.#operation(members["$op"], members["args"], path, depth);
    else if (keys.length === 1 && dollar === "$ref") this.#reference(members["$ref"], path);
    else if (keys.length !== 1 || dollar !== "$literal") {
      this.#findings.add(path, "CHAIN_DOLLAR_KEY", `the key "${dollar}" is not allowed here`, {
        expected: '{"$ref": […]}, {"$op": …, "args": […]} or {"$literal": …}',
        found: describeFound(value),
        hint: 'wrap a literal object that has such a key: {"$literal": {…}}',
      });
    }
  }

  #reference(ref: unknown, path: string): void {
    if (!isReferencePath(ref)) {
      this.#findings.add(path, "CHAIN_REFERENCE", "not a reference", {
        expected: "a step's name or input, then member names and array indexes",
        found: describeFound(ref),
      });
      return;
    }
    const [head, second] = ref;
    const word = `"${ref.join(".")}"`;
    if (head === "input") this.#inputReference(second, word, path);
    else if (head === "item" || head === "index") {
      if (!this.#scope.isInEach) {
        this.#findings.add(path, "CHAIN_REFERENCE", `${word} means something only inside each`);
      } else if (head === "index" && ref.length > 1) {
        this.#findings.add(path, "CHAIN_REFERENCE", `${word} reaches into a number`);
      }
    } else this.#stepReference(head, word, path);
  }

  #inputReference(part: string | number | undefined, word: string, path: string): void {
    if (INPUT_PARTS.some((known) => known === part)) return;
    const near = nearestName(String(part), INPUT_PARTS);
    this.#findings.add(path, "CHAIN_REFERENCE", `${word} is no part of the request`, {
      expected: `input, then one of ${INPUT_PARTS.join(", ")}`,
      found: describeFound(part),
      ...(near === null ? {} : { hint: `did you mean "${near}"?` }),
    });
  }

  #stepReference(name: string, word: string, path: string): void {
    const step = this.#scope.all.get(name);
    if (step === undefined) {
      const near = nearestName(name, this.#scope.visible);
      this.#findings.add(path, "CHAIN_REFERENCE", `${word} refers to no step of this chain`, {
        expected: wordVisible(this.#scope.visible),
        found: JSON.stringify(name),
        ...(near === null ? {} : { hint: `did you mean "${near}"?` }),
      });
    } else if (!this.#scope.visible.has(name)) {
      this.#findings.add(
        path,
        "CHAIN_REFERENCE_LATER",
        `${word} refers to a step that is not done here`,
        {
          expected: wordVisible(this.#scope.visible),
          found: JSON.stringify(name),
          hint: `move step "${name}" up`,
        },
      );
    } else if (step.exit !== undefined) {
      this.#findings.add(path, "CHAIN_REFERENCE", `${word} refers to an exit, which has no result`);
    }
  }

  #operation(name: unknown, args: unknown, path: string, depth: number): void {
    const operator = typeof name === "string" ? operators.get(name) : undefined;
    if (operator === undefined) {
      const near = nearestName(String(name), operators.keys());
      this.#findings.add(path, "CHAIN_OPERATOR", `there is no operator ${describeFound(name)}`, {
        ...(near === null ? {} : { hint: `did you mean "${near}"?` }),
      });
    } else if (!Array.isArray(args)) {
      this.#findings.add(`${path}/args`, "CHAIN_OPERATOR", "the arguments are no array", {
        found: describeFound(args),
      });
    } else this.#arguments(operator, args, path, depth);
  }

  #arguments(operator: Operator, args: readonly unknown[], path: string, depth: number): void {
    const { params } = operator;
    const least = params.filter((param) => param.optional !== true).length;
    const most = params.at(-1)?.rest === true ? Number.POSITIVE_INFINITY : params.length;
    if (args.length < least || args.length > most) {
      this.#findings.add(
        path,
        "CHAIN_OPERATOR",
        `wrong number of arguments for "${operator.name}"`,
        {
          expected: wordSignature(operator),
          found: String(args.length),
        },
      );
      return;
    }
    const before = this.#findings.issues.length;
    for (const [index, arg] of args.entries()) {
      const param = params[Math.min(index, params.length - 1)];
      if (param !== undefined) {
        this.#argument(operator, param, arg, `${path}/args/${index}`, depth);
      }
    }
    if (this.#findings.issues.length > before) return;
    // The loop above found every argument to be a stored value.
    const stored = args as readonly StoredValue[];
    const reason = operator.check?.(stored) ?? faultOf(operator, stored);
    if (reason !== null) {
      this.#findings.add(path, "CHAIN_OPERATOR", `"${operator.name}" ${reason}`);
    }
  }

  #argument(
    operator: Operator,
    param: OperatorParam,
    arg: unknown,
    path: string,
    depth: number,
  ): void {
    const refuse = (expected: string): void =>
      this.#findings.add(path, "CHAIN_OPERATOR", `wrong ${param.name} for "${operator.name}"`, {
        expected,
        found: describeFound(arg),
      });
    switch (param.kind) {
      case "value":
        this.check(arg, path, depth + 1);
        return;
      case "text": {
        const { choices } = param;
        if (typeof arg !== "string") refuse("a text written in the chain");
        else if (choices !== undefined && !choices.includes(arg)) {
          refuse(`one of ${choices.join(", ")}`);
        }
        return;
      }
      case "texts":
        if (!Array.isArray(arg) || !isTextList(arg)) refuse("texts written in the chain");
        return;
      case "segment":
        if (typeof arg !== "string" && !(Number.isSafeInteger(arg) && Number(arg) >= 0)) {
          refuse("a member name or an array index");
        }
        return;
      case "step":
        this.#stepArgument(arg, path, refuse);
    }
  }

  #stepArgument(arg: unknown, path: string, refuse: (expected: string) => void): void {
    const ref =
      typeof arg === "object" && arg !== null && "$ref" in arg && Object.keys(arg).length === 1
        ? arg.$ref
        : undefined;
    if (!isReferencePath(ref) || ref.length !== 1) {
      refuse('a step, as {"$ref": [name]}');
      return;
    }
    const before = this.#findings.issues.length;
    this.#reference(ref, path);
    if (this.#findings.issues.length > before) return;
    if (this.#scope.all.get(ref[0])?.call === undefined) refuse("a step that is a call");
  }
}

/** What an operator on nothing but literals will fail with on every request; `null` when it will not. */
function faultOf(operator: Operator, args: readonly StoredValue[]): string | null {
  if (args.length === 0 || operator.isAsync === true) return null;
  if (operator.params.some((param) => param.kind === "step")) return null;
  const values: unknown[] = [];
  for (const arg of args) {
    const literal = fromLiteral(arg);
    if (!literal.isConstant) return null;
    values.push(literal.json);
  }
  try {
    operator.evaluate(values, NO_REQUEST);
    return null;
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    const { reason } = error.details;
    return typeof reason === "string" ? reason : `always fails: ${error.message}`;
  }
}

/** Operators with arguments ask nothing of it, those on a step's response apart. */
const NO_REQUEST: OperatorEnv = {
  now: () => 0,
  uuid: () => "",
  response: () => null,
  jsonata: () => undefined,
};

function isReferencePath(ref: unknown): ref is readonly [string, ...(string | number)[]] {
  return (
    Array.isArray(ref) &&
    typeof ref[0] === "string" &&
    ref.every(
      (segment) =>
        typeof segment === "string" || (Number.isSafeInteger(segment) && Number(segment) >= 0),
    )
  );
}

function isScalar(value: unknown): boolean {
  return (
    value === null ||
    typeof value === "string" ||
    typeof value === "boolean" ||
    typeof value === "number"
  );
}

function wordVisible(visible: ReadonlySet<string>): string {
  return `input${visible.size === 0 ? "" : ` or one of ${[...visible].join(", ")}`}`;
}

/** `substring(text, start, end?)`. */
function wordSignature(operator: Operator): string {
  const params = operator.params.map((param) =>
    param.rest === true
      ? `${param.name}…`
      : param.optional === true
        ? `${param.name}?`
        : param.name,
  );
  return `${operator.name}(${params.join(", ")})`;
}
