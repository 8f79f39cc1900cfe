import type {
  JsonSchema,
  OnError,
  StoredAction,
  StoredChain,
  StoredExit,
  StoredItemPolicies,
  StoredStep,
  StoredValue,
} from "@catena/ir";
import { type InferScope, inferValue } from "./infer-value.ts";
import {
  ANYTHING,
  itemOf,
  type Known,
  known,
  listOf,
  missing,
  objectOf,
  oneOf,
  orNull,
  typed,
} from "./known.ts";

/** One way a chain answers its client, its own failures apart. */
export interface ChainAnswer {
  readonly status: number;
  /** `undefined`: there is no body, or one nobody knows. */
  readonly body: JsonSchema | undefined;
  readonly isStream?: true;
  readonly isForwarded?: true;
}

/** Looks up other chains, for `sub`. */
export type ChainLookup = (id: string) => StoredChain | null;

/** How deep chains are followed into each other. */
const MAX_DEPTH = 8;

/**
 * Finds every answer of a chain: its end and its exits. A reply is described by the chain's `output`
 * schema, or else by what it is made of.
 */
export function inferAnswers(
  chain: StoredChain,
  lookup: ChainLookup,
  params: readonly string[] = [],
): readonly ChainAnswer[] {
  const inference = new ChainInference(chain, lookup, params, 0);
  return [...inference.ends(), ...inference.exits()];
}

class ChainInference {
  readonly #chain: StoredChain;
  readonly #lookup: ChainLookup;
  readonly #depth: number;
  readonly #scope: InferScope;
  readonly #exits: ChainAnswer[] = [];

  constructor(chain: StoredChain, lookup: ChainLookup, params: readonly string[], depth: number) {
    this.#chain = chain;
    this.#lookup = lookup;
    this.#depth = depth;
    const steps = new Map<string, Known>();
    this.#scope = { input: inputOf(chain, params), steps };
    for (const step of chain.steps) steps.set(step.name, this.#step(step));
  }

  exits(): readonly ChainAnswer[] {
    return this.#exits;
  }

  ends(): readonly ChainAnswer[] {
    const { reply, forward, stream, steps } = this.#chain;
    if (reply !== undefined) {
      const body = this.reply().schema;
      return this.#statuses(reply.status).map((status) => ({ status, body }));
    }
    if (forward !== undefined) return [{ status: 200, body: undefined, isForwarded: true }];
    const last = steps.find((step) => step.name === stream);
    return [{ status: 200, body: last?.call?.response, isStream: true }];
  }

  /** What the chain replies, as another chain sees it. */
  reply(): Known {
    const { reply, output } = this.#chain;
    if (output !== undefined) return known(output);
    if (reply?.body === undefined) return ANYTHING;
    // A body that is absent is sent as null.
    return orNull(inferValue(reply.body, this.#scope));
  }

  #step(step: StoredStep): Known {
    const { each, choose, exit, when, on_error } = step;
    if (exit !== undefined) {
      this.#exit(exit);
      return missing(ANYTHING);
    }
    let result: Known;
    if (each !== undefined) {
      const scope = { ...this.#scope, item: itemOf(inferValue(each.in, this.#scope)) };
      const item = this.#action(each.do, scope);
      result = listOf(this.#withError(item, each.on_error, scope));
    } else if (choose !== undefined) {
      const chosen = choose.branches.map((branch) => this.#action(branch, this.#scope));
      const otherwise =
        choose.otherwise === undefined
          ? missing(oneOf(chosen))
          : this.#action(choose.otherwise, this.#scope);
      result = oneOf([...chosen, otherwise]);
    } else result = this.#action(step, this.#scope);
    const settled = this.#withError(result, on_error, this.#scope);
    return when === undefined ? settled : missing(settled);
  }

  #action(action: StoredAction & StoredItemPolicies, scope: InferScope): Known {
    const { call, value, sub, on_status } = action;
    if (value !== undefined) return inferValue(value, scope);
    if (sub !== undefined) return this.#sub(sub.chain);
    let result = call?.response === undefined ? ANYTHING : known(call.response);
    for (const [status, answer] of Object.entries(on_status ?? {})) {
      if (answer === "skip") result = missing(result);
      else if (typeof answer !== "object") continue;
      else if ("fallback" in answer) result = oneOf([result, inferValue(answer.fallback, scope)]);
      else if ("exit" in answer) this.#exit(answer.exit, Number(status));
      else this.#exits.push({ status: Number(status), body: undefined });
    }
    return result;
  }

  #sub(id: string): Known {
    const chain = this.#depth < MAX_DEPTH ? this.#lookup(id) : null;
    return chain === null
      ? ANYTHING
      : new ChainInference(chain, this.#lookup, [], this.#depth + 1).reply();
  }

  #withError(result: Known, onError: OnError | undefined, scope: InferScope): Known {
    if (onError === undefined || onError === "fail") return result;
    if (onError === "skip") return missing(result);
    return oneOf([result, inferValue(onError.fallback, scope)]);
  }

  #exit({ status, body }: StoredExit, otherwise = 200): void {
    const schema = body === undefined ? undefined : orNull(inferValue(body, this.#scope)).schema;
    for (const one of this.#statuses(status, otherwise)) {
      this.#exits.push({ status: one, body: schema });
    }
  }

  /** The statuses a value can be, when they are written in it; else the usual one. */
  #statuses(status: StoredValue | undefined, otherwise = 200): readonly number[] {
    const written = status === undefined ? [] : writtenStatuses(status);
    return written.length === 0 ? [otherwise] : written;
  }
}

function writtenStatuses(value: StoredValue): readonly number[] {
  if (typeof value === "number") return [value];
  if (typeof value !== "object" || value === null || !("$op" in value) || !("args" in value)) {
    return [];
  }
  const args: unknown = value.args;
  const given: readonly StoredValue[] = Array.isArray(args) ? args : [];
  if (value["$op"] === "if") return given.slice(1).flatMap(writtenStatuses);
  return value["$op"] === "coalesce" ? given.flatMap(writtenStatuses) : [];
}

function inputOf({ input }: StoredChain, params: readonly string[]): Known {
  const slot = (name: "body" | "query" | "params" | "headers"): Known =>
    input?.[name] === undefined ? ANYTHING : known(input[name]);
  const texts = known({ type: "object", additionalProperties: { type: "string" } });
  return objectOf([
    ["body", slot("body")],
    ["query", slot("query")],
    [
      "params",
      input?.params === undefined
        ? objectOf(params.map((name) => [name, typed("string")]))
        : slot("params"),
    ],
    ["headers", input?.headers === undefined ? texts : slot("headers")],
    ["cookies", texts],
    ["method", typed("string")],
    ["path", typed("string")],
    ["ip", typed("string")],
    ["id", typed("string")],
  ]);
}
