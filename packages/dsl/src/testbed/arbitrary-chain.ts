import {
  callsOf,
  type StoredCall,
  type StoredChain,
  type StoredStep,
  type StoredValue,
} from "@catena/ir";
import { type Place, ValueGenerator } from "./arbitrary-value.ts";

/** With members that are `undefined` rather than not there. */
type Loose<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** What a step may say beside its call when its response is streamed. */
const STREAMABLE = new Set([
  "name",
  "call",
  "timeout",
  "retry",
  "on_status",
  "max_bytes",
  "idempotency_key",
  "after",
  "breaker",
]);

/** Generates chains that the rules of the stored form allow. */
export class ChainGenerator extends ValueGenerator {
  chain(): StoredChain {
    const steps: StoredStep[] = [];
    const count = this.int(1, 5);
    for (let i = 0; i < count; i++) steps.push(this.#step(`s${i}`, steps));
    const place = this.#placeAfter(steps);
    return this.#ordered(
      {
        v: 1,
        id: this.maybe(() => "inner"),
        input: this.maybe(() =>
          this.some({
            body: this.#schema(),
            query: this.#schema(),
            params: this.#schema(),
            headers: { type: "object" },
          }),
        ),
        output: this.maybe(() => this.#schema()),
        deadline: this.maybe(() => this.int(1, 9000)),
        limits: this.maybe(() =>
          this.some({
            request_bytes: 10,
            response_bytes: 20,
            merged_bytes: 30,
            json_depth: 5,
            sub_depth: 0,
          }),
        ),
        on_client_gone: this.maybe(() => this.of("safe", "abort", "finish")),
        server_timing: this.maybe(() => this.bool()),
        steps,
      },
      this.#end(steps, place),
    );
  }

  #end(steps: readonly StoredStep[], place: Place): Partial<StoredChain> {
    const last = steps.at(-1);
    const isStreamable =
      last !== undefined && Object.keys(last).every((key) => STREAMABLE.has(key));
    if (isStreamable && last.call !== undefined && this.bool()) return { stream: last.name };
    const headers = this.maybe(() => this.headers(place));
    // With a header or a body, so that it cannot be taken for a chain of the classic form.
    if (this.bool()) {
      return { forward: this.members({ body: this.value(place, 2), headers }) };
    }
    return {
      reply: this.members({
        status: this.maybe(() => this.of<StoredValue>(201, { $ref: ["input", "query", "s"] })),
        headers,
        body: this.maybe(() => this.value(place, 3)),
      }),
    };
  }

  #step(name: string, earlier: readonly StoredStep[]): StoredStep {
    const place = this.#placeAfter(earlier);
    const when = this.maybe(() => this.condition(place));
    const after = this.maybe(() => (place.steps[0] === undefined ? undefined : [place.steps[0]]));
    const on_error = this.maybe(() => this.#onError(place));
    const parallel = this.maybe(() => true as const);
    const kind = this.of("call", "call", "each", "choose", "value", "sub", "exit");
    switch (kind) {
      case "call":
        return this.#callStep(name, place, { when, after, on_error, parallel });
      case "value":
        return this.members({ name, value: this.value(place, 3), when, after, on_error });
      case "exit":
        return this.members({ name, exit: this.#exit(place), when, after });
      case "sub": {
        const timeout = this.maybe(() => 50);
        return this.members({
          name,
          sub: this.#sub(place),
          timeout,
          when,
          after,
          on_error,
          parallel,
        });
      }
      case "each":
        return this.#undoable(
          { name, each: this.#each(place), when, after, on_error, parallel },
          place,
        );
      case "choose":
        return this.#undoable(
          { name, choose: this.#choice(place), when, after, on_error, parallel },
          place,
        );
    }
  }

  /** A step that makes a call somewhere can say how that is undone. */
  #undoable(step: { readonly [K in keyof StoredStep]: StoredStep[K] | undefined }, place: Place) {
    const made = this.members<StoredStep>(step);
    const own = { ...place, steps: [...place.steps, made.name] };
    return callsOf(made).length === 0
      ? made
      : this.members<StoredStep>({ ...made, undo: this.maybe(() => this.#undo(own)) });
  }

  #undo(place: Place): NonNullable<StoredStep["undo"]> {
    return this.members({
      call: this.#call(place),
      timeout: this.maybe(() => 9),
      retry: this.maybe(() => this.#retry()),
    });
  }

  #retry(): NonNullable<StoredStep["retry"]> {
    return this.members({
      attempts: this.int(1, 10),
      on: this.maybe(() => [this.of<number | "network" | "timeout">(503, "network", "timeout")]),
      backoff: this.maybe(() => this.some({ base: 5, max: 50 })),
    });
  }

  #callStep(name: string, place: Place, policies: Loose<StoredStep>): StoredStep {
    const call = this.#call(place);
    const isSafe = ["GET", "HEAD", "OPTIONS", "QUERY"].includes(call.method);
    const { when, after, on_error, parallel } = policies;
    const own = this.#placeAfter([{ name, call }], place);
    const item = this.#itemPolicies(call, place);
    return this.members({
      name,
      call,
      ...item,
      when,
      after,
      on_error,
      cache: this.maybe(() =>
        this.members({
          ttl: 3,
          key: [this.value(place, 1)],
          stale_while_revalidate: this.maybe(() => 2),
          stale_if_error: this.maybe(() => 2),
          shared: this.maybe(() => this.bool()),
          allow_unsafe: isSafe ? undefined : (true as const),
        }),
      ),
      coalesce: isSafe
        ? this.maybe(() =>
            this.of<true | { key: StoredValue[] }>(true, { key: [this.value(place, 1)] }),
          )
        : undefined,
      hedge:
        isSafe || item.idempotency_key !== undefined
          ? this.maybe(() => ({ after: 5, ...this.some({ max: 2 }) }))
          : undefined,
      breaker: this.maybe(() => ({ failures: 2, window: 10, cooldown: 20 })),
      parallel,
      undo: this.maybe(() => this.#undo(own)),
    });
  }

  #itemPolicies({ response }: StoredCall, place: Place): Loose<StoredStep> {
    return {
      timeout: this.maybe(() => this.int(1, 500)),
      retry: this.maybe(() => this.#retry()),
      on_status: this.maybe(() => ({
        404: this.of<"skip" | "fail" | { pass: true }>("skip", "fail", { pass: true }),
        409: { fallback: this.value(place, 1) },
        451: { exit: this.#exit(place) },
      })),
      max_bytes: this.maybe(() => 99),
      validate: this.maybe(() => (response === undefined ? "off" : this.of("off", "warn", "fail"))),
      idempotency_key: this.maybe(() =>
        this.of<NonNullable<StoredStep["idempotency_key"]>>(
          "auto",
          { $ref: ["input", "headers", "x-key"] },
          { $op: "tpl", args: ["k-", { $ref: ["input", "id"] }] },
        ),
      ),
    };
  }

  #call(place: Place): StoredCall {
    const hasParams = this.bool();
    const target = this.of<Partial<StoredCall>>(
      { upstream_id: "u" },
      { upstream_id: "v" },
      { uri: "http://a:81/base" },
      { uri: "http://b", allowed_hosts: ["c", "d:82"] },
    );
    return this.members({
      op: this.maybe(() => this.of("users.get", "users.put", "a.b.c", "odd name", "users.9")),
      ...target,
      host: target.allowed_hosts === undefined ? undefined : this.maybe(() => this.textual(place)),
      method: this.of("GET", "HEAD", "OPTIONS", "QUERY", "POST", "PUT", "PATCH", "DELETE"),
      path: hasParams ? "/x/{id}/{other}" : "/x",
      params: hasParams ? { id: this.textual(place), other: this.textual(place) } : undefined,
      query: this.maybe(() => ({ q: this.value(place, 1), "a b": this.value(place, 1) })),
      headers: this.maybe(() => this.headers(place)),
      body: this.maybe(() => this.value(place, 3)),
      response: this.maybe(() => this.#schema()),
    });
  }

  #each(place: Place): NonNullable<StoredStep["each"]> {
    return this.members({
      in: this.items(place),
      concurrency: this.maybe(() => 3),
      max: this.maybe(() => 9),
      do: this.#inner({ ...place, isInEach: true }),
      on_error: this.maybe(() => this.#onError({ ...place, isInEach: true })),
    });
  }

  #choice(place: Place): NonNullable<StoredStep["choose"]> {
    return this.members({
      branches: [
        { when: this.condition(place), ...this.#inner(place) },
        { when: this.condition(place), ...this.#inner(place) },
      ],
      otherwise: this.maybe(() => this.#inner(place)),
    });
  }

  #inner(place: Place) {
    switch (this.of("call", "value", "sub")) {
      case "call":
        return this.#innerCall(place);
      case "value":
        return { value: this.value(place, 2) };
      case "sub":
        return this.members({ sub: this.#sub(place), timeout: this.maybe(() => 70) });
    }
  }

  #innerCall(place: Place) {
    const call = this.#call(place);
    return this.members({ call, ...this.#itemPolicies(call, place) });
  }

  #sub(place: Place) {
    return this.members({ chain: "other", body: this.maybe(() => this.value(place, 2)) });
  }

  #exit(place: Place) {
    return this.members({
      status: this.maybe(() => 418),
      headers: this.maybe(() => this.headers(place)),
      body: this.maybe(() => this.value(place, 2)),
    });
  }

  #onError(place: Place): "fail" | "skip" | { fallback: StoredValue } {
    return this.of<"fail" | "skip" | { fallback: StoredValue }>("fail", "skip", {
      fallback: this.value(place, 2),
    });
  }

  #placeAfter(steps: readonly StoredStep[], before?: Place): Place {
    const names = (some: readonly StoredStep[]) => some.map(({ name }) => name);
    return {
      steps: [...(before?.steps ?? []), ...names(steps.filter((step) => step.exit === undefined))],
      calls: [...(before?.calls ?? []), ...names(steps.filter((step) => step.call !== undefined))],
      isInEach: false,
    };
  }

  #schema() {
    return this.of<Record<string, unknown>>(
      { type: "object", properties: { $ref: { type: "string" } } },
      { type: "array", items: {} },
      {},
    );
  }

  #ordered(chain: object, end: object): StoredChain {
    return this.members<StoredChain>({ ...chain, ...end } as StoredChain);
  }
}
