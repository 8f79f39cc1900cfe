import { didYouMean } from "@catena/schema";
import type { TSchema } from "@sinclair/typebox";
import type { Action } from "../actions/action.ts";
import { type Answer, type HeaderValues, toStoredAnswer } from "../actions/answer.ts";
import { authoredName } from "../actions/authored-name.ts";
import { dslErrors } from "../errors.ts";
import type { Link } from "../resources.ts";
import type {
  In,
  InputOf,
  NewName,
  Out,
  Ref,
  Refers,
  Scope,
  StepRef,
  TypeOf,
  Undescribed,
} from "../scope-types.ts";
import type { Operation } from "../service.ts";
import { callerPosition } from "../source-position.ts";
import { toStored, toStoredRecord } from "../to-stored.ts";
import { UNFINISHED } from "../unfinished.ts";
import type { AuthoredChain, AuthoredStep } from "./authored-chain.ts";
import type { ChainOptions, InputSchemas } from "./chain-options.ts";
import type { ChainRoute } from "./chain-route.ts";
import { type ClassicCall, toAuthoredClassic } from "./classic-call.ts";
import { finishChain } from "./finish-chain.ts";
import { runCallback, toAction } from "./run-callback.ts";
import { makeScope } from "./scope.ts";

/**
 * Begins a chain: a route whose requests need several services. Steps are added with `.step`; one of
 * `.reply`, `.forward` and `.stream` ends it and makes it a resource to export.
 *
 * The callbacks run once, when the config is compiled. What they get as `$` are references to what
 * will be there at run time, and what they return is data: nothing else reaches the gateway. Steps
 * wait for the steps they refer to; calls that only read run in parallel, calls that write wait for
 * every earlier step.
 *
 * A chain that says no more than the classic form (each step is sent `merged($)` and the client's
 * token, and it ends with a plain `.forward`) is stored in that form, which APISIX with the Lua
 * plugin runs too; its errors are then worded as that plugin words them.
 *
 * @example
 * export const profile = chain({ route: "/profile/:id", methods: ["GET"] })
 *   .step("user", ($) => call(users.get, { params: { id: $.input.params.id } }))
 *   .step("orders", ($) => call(orders.list, { query: { user: $.user.id } }, { onError: "skip" }))
 *   .reply(($) => ({ name: $.user.name, orders: or($.orders.items, []) }));
 */
export function chain<
  const P extends string,
  const D extends InputSchemas = object,
  O extends TSchema | undefined = undefined,
>(options: ChainOptions<P, D, O>): Chain<InputOf<P, D>, object, TypeOf<O>> {
  const source = callerPosition(chain);
  return new Chain({ options, source, steps: [], issues: [] });
}

/**
 * A chain under construction; every method returns another one and leaves this one as it is. `I` is
 * the request, `S` the steps so far, `O` what the reply must be.
 */
export class Chain<I, S extends object, O> {
  readonly [UNFINISHED] = true;
  readonly #chain: AuthoredChain;

  constructor(authored: AuthoredChain) {
    this.#chain = authored;
  }

  /** Where it was begun. */
  get source(): AuthoredChain["source"] {
    return this.#chain.source;
  }

  /**
   * Adds a step.
   *
   * @param name later steps and the end refer to its result by it: `$.name`.
   * @param make says what the step does: call, each, choose, value, sub or exit. Or, in the place of
   *   a callback, a call of the classic form: it is sent what the client sent with all earlier
   *   replies merged over it, and its own reply is merged over that.
   */
  step<const N extends string, R = Undescribed>(
    name: NewName<N, S>,
    does: ((scope: Scope<I, S>) => Action<R>) | Operation<never, R> | ClassicCall,
  ): Chain<I, S & { readonly [K in N]: StepRef<R> }, O> {
    const source = callerPosition(this.step);
    const place = `step "${String(name)}"`;
    const authored = this.#chain;
    const names = referable(authored.steps);
    const { value: step, issue } = runCallback(source, place, (): AuthoredStep => {
      if (typeof does !== "function") {
        const classic = toAuthoredClassic(does);
        return { name: String(name), kind: "call", stored: {}, classic, source };
      }
      const { kind, stored } = toAction(does(scopeOf(names)));
      return { name: String(name), kind, stored, source };
    });
    return issue === undefined
      ? new Chain({ ...authored, steps: [...authored.steps, step] })
      : new Chain({
          ...authored,
          steps: [...authored.steps, broken(String(name), source)],
          issues: [...authored.issues, issue],
        });
  }

  /**
   * Says how a step is undone: the call is made when the step succeeded and a later one failed, after
   * those of later steps. It carries an idempotency key.
   *
   * @param make may refer to the step itself, whose result is there, and to the steps before it.
   */
  undo<const N extends keyof S & string>(
    name: N,
    make: (scope: Scope<I, S> & { readonly [K in N]: Present<S[N]> }) => Action<unknown>,
  ): Chain<I, S, O> {
    const source = callerPosition(this.undo);
    const authored = this.#chain;
    const index = authored.steps.findIndex((step) => step.name === name);
    const { value: stored, issue } = runCallback(source, `undo of "${name}"`, () => {
      if (index < 0) throw noStep(name, authored.steps);
      if (authored.steps[index]?.undo !== undefined) {
        throw badUndo(`step "${name}" has an undo already`);
      }
      const names = referable(authored.steps.slice(0, index + 1));
      const action = toAction(make(scopeOf(names)));
      if (action.kind !== "call") throw badUndo("an undo makes a call");
      const { call, timeout, retry, ...others } = action.stored;
      const [other] = Object.keys(others);
      if (other !== undefined) throw badUndo(`an undo takes no "${authoredName(other)}"`);
      return action.stored;
    });
    if (issue !== undefined) return new Chain({ ...authored, issues: [...authored.issues, issue] });
    const steps = authored.steps.map((step, at) =>
      at === index ? { ...step, undo: { source, stored } } : step,
    );
    return new Chain({ ...authored, steps });
  }

  /**
   * Ends the chain by answering the client.
   *
   * @param make the body, as literals, references and structures of both.
   * @param answer status (default 200) and headers, or a callback that makes them.
   */
  reply<const V extends In<O>>(
    make: (scope: Scope<I, S>) => V,
    answer: ReplyHead | ((scope: Scope<I, S>) => ReplyHead) = {},
  ): ChainRoute<BodyOf<I>, Out<V>> {
    const source = callerPosition(this.reply);
    const authored = this.#chain;
    const { value: stored, issue } = runCallback(source, "reply", () => {
      const scope: Scope<I, S> = scopeOf(referable(authored.steps));
      const head = typeof answer === "function" ? answer(scope) : answer;
      return toStoredAnswer({ ...head, body: make(scope) });
    });
    return finishChain(authored, { kind: "reply", stored: stored ?? {}, source }, issue);
  }

  /**
   * Ends the chain by sending the request on to an upstream, whose reply is the client's.
   *
   * @param upstream left out when the options name one (`upstream_id`, `service_id`, `upstream`).
   * @param make the body; without it, what the client sent with all results merged over it.
   */
  forward(
    upstream?: Link<"upstreams">,
    make?: (scope: Scope<I, S>) => unknown,
    answer: ForwardHead | ((scope: Scope<I, S>) => ForwardHead) = {},
  ): ChainRoute<BodyOf<I>, Undescribed> {
    const source = callerPosition(this.forward);
    const authored = this.#chain;
    const { value: stored, issue } = runCallback(source, "forward", () => {
      const scope: Scope<I, S> = scopeOf(referable(authored.steps));
      const { headers } = typeof answer === "function" ? answer(scope) : answer;
      return {
        ...(make === undefined ? {} : { body: toStored(make(scope)) }),
        ...(headers === undefined ? {} : { headers: toStoredRecord(headers) }),
      };
    });
    const end = { kind: "forward", upstream, stored: stored ?? {}, source } as const;
    return finishChain(authored, end, issue);
  }

  /**
   * Ends the chain with the response of its last step, passed on byte for byte as it comes.
   *
   * @param step a call, and the last step.
   */
  stream(step: keyof S & string): ChainRoute<BodyOf<I>, Undescribed> {
    const source = callerPosition(this.stream);
    return finishChain(this.#chain, { kind: "stream", step, source });
  }
}

/** What a reply is besides its body. */
export type ReplyHead = Pick<Answer, "status" | "headers">;

/** What is sent on besides the body. */
export interface ForwardHead {
  readonly headers?: HeaderValues;
}

type BodyOf<I> = I extends { readonly body: infer B } ? B : never;

type Present<R> = R extends Refers<infer T> ? Ref<NonNullable<T>> : R;

/** The type follows from the names: each is a step the chain's type knows. */
function scopeOf<T>(names: readonly string[]): T {
  return makeScope(names) as T;
}

/** Steps whose results can be referred to: an exit has none. */
function referable(steps: readonly AuthoredStep[]): readonly string[] {
  return steps.filter(({ kind }) => kind !== "exit").map(({ name }) => name);
}

/** Keeps the name of a step whose callback failed, so that later ones do not fail for it. */
function broken(name: string, source: AuthoredStep["source"]): AuthoredStep {
  return { name, kind: "value", stored: { value: null }, source };
}

function badUndo(what: string): Error {
  return dslErrors.DSL_ARGUMENT({
    what,
    hint: "return call(operation, request, { timeout, retry })",
    source: undefined,
  });
}

function noStep(name: string, steps: readonly AuthoredStep[]): Error {
  const near = didYouMean(
    name,
    steps.map((step) => step.name),
  );
  return dslErrors.DSL_ARGUMENT({
    what: `there is no step "${name}"`,
    hint: near === null ? "call undo after the step it undoes" : `did you mean "${near}"?`,
    source: undefined,
  });
}
