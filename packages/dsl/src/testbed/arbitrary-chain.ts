import {
  type Operator,
  operators,
  type StoredCall,
  type StoredChain,
  type StoredStep,
  type StoredValue,
} from "@catena/ir";
import fc, { type Arbitrary } from "fast-check";

/** `fc.gen()`'s function: draws a value. */
type Draw = <T>(make: () => Arbitrary<T>) => T;

/** With members that are `undefined` rather than not there. */
type Loose<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** What may be referred to where a value stands. */
interface Place {
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

/** Generates chains that the rules of the stored form allow. */
export class ChainGenerator {
  readonly #draw: Draw;

  constructor(draw: Draw) {
    this.#draw = draw;
  }

  chain(): StoredChain {
    const steps: StoredStep[] = [];
    const count = this.#int(1, 5);
    for (let i = 0; i < count; i++) steps.push(this.#step(`s${i}`, steps));
    const place = this.#placeAfter(steps);
    return this.#ordered(
      {
        v: 1,
        id: this.#maybe(() => "inner"),
        input: this.#maybe(() => ({ body: this.#schema(), headers: { type: "object" } })),
        output: this.#maybe(() => this.#schema()),
        deadline: this.#maybe(() => this.#int(1, 9000)),
        limits: this.#maybe(() => ({ request_bytes: 10, json_depth: 5 })),
        on_client_gone: this.#maybe(() => this.#of("safe", "abort", "finish")),
        server_timing: this.#maybe(() => this.#bool()),
        steps,
      },
      this.#end(steps, place),
    );
  }

  #end(steps: readonly StoredStep[], place: Place): Partial<StoredChain> {
    const last = steps.at(-1);
    const isPlainCall =
      last !== undefined && Object.keys(last).every((key) => ["name", "call"].includes(key));
    if (isPlainCall && last.call !== undefined && this.#bool()) return { stream: last.name };
    const headers = this.#maybe(() => this.#headers(place));
    // With a header or a body, so that it cannot be taken for a chain of the classic form.
    if (this.#bool()) {
      return { forward: this.#members({ body: this.#value(place, 2), headers }) };
    }
    return {
      reply: this.#members({
        status: this.#maybe(() => this.#of<StoredValue>(201, { $ref: ["input", "query", "s"] })),
        headers,
        body: this.#maybe(() => this.#value(place, 3)),
      }),
    };
  }

  #step(name: string, earlier: readonly StoredStep[]): StoredStep {
    const place = this.#placeAfter(earlier);
    const when = this.#maybe(() => this.#condition(place));
    const after = this.#maybe(() => (place.steps[0] === undefined ? undefined : [place.steps[0]]));
    const on_error = this.#maybe(() => this.#onError(place));
    const parallel = this.#maybe(() => true as const);
    const kind = this.#of("call", "call", "each", "choose", "value", "sub", "exit");
    switch (kind) {
      case "call":
        return this.#callStep(name, place, { when, after, on_error, parallel });
      case "value":
        return this.#members({ name, value: this.#value(place, 3), when, after, on_error });
      case "exit":
        return this.#members({ name, exit: this.#exit(place), when, after });
      case "sub": {
        const timeout = this.#maybe(() => 50);
        return this.#members({
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
        return this.#members({ name, each: this.#each(place), when, after, on_error, parallel });
      case "choose":
        return this.#members({
          name,
          choose: this.#choice(place),
          when,
          after,
          on_error,
          parallel,
        });
    }
  }

  #callStep(name: string, place: Place, policies: Loose<StoredStep>): StoredStep {
    const call = this.#call(place);
    const isSafe = ["GET", "HEAD", "OPTIONS", "QUERY"].includes(call.method);
    const { when, after, on_error, parallel } = policies;
    const own = this.#placeAfter([{ name, call }], place);
    return this.#members({
      name,
      call,
      ...this.#itemPolicies(place),
      when,
      after,
      on_error,
      cache: this.#maybe(() =>
        this.#members({
          ttl: 3,
          key: [this.#value(place, 1)],
          stale_while_revalidate: this.#maybe(() => 2),
          stale_if_error: this.#maybe(() => 2),
          shared: this.#maybe(() => this.#bool()),
          allow_unsafe: isSafe ? undefined : (true as const),
        }),
      ),
      coalesce: isSafe
        ? this.#maybe(() =>
            this.#of<true | { key: StoredValue[] }>(true, { key: [this.#value(place, 1)] }),
          )
        : undefined,
      hedge: isSafe ? this.#maybe(() => ({ after: 5, max: 2 })) : undefined,
      breaker: this.#maybe(() => ({ failures: 2, window: 10, cooldown: 20 })),
      parallel,
      undo: this.#maybe(() =>
        this.#members({
          call: this.#call(own),
          timeout: this.#maybe(() => 9),
          retry: this.#maybe(() => ({ attempts: 2 })),
        }),
      ),
    });
  }

  #itemPolicies(place: Place): Loose<StoredStep> {
    return {
      timeout: this.#maybe(() => this.#int(1, 500)),
      retry: this.#maybe(() => ({ attempts: 3, on: [503, "network"], backoff: { base: 5 } })),
      on_status: this.#maybe(() => ({
        404: this.#of<"skip" | { pass: true }>("skip", { pass: true }),
        409: { fallback: this.#value(place, 1) },
        451: { exit: this.#exit(place) },
      })),
      max_bytes: this.#maybe(() => 99),
      validate: this.#maybe(() => this.#of("off", "warn", "fail")),
      idempotency_key: this.#maybe(() =>
        this.#of<"auto" | { $ref: [string, string, string] }>("auto", {
          $ref: ["input", "headers", "x-key"],
        }),
      ),
    };
  }

  #call(place: Place): StoredCall {
    const hasParams = this.#bool();
    return this.#members({
      op: this.#maybe(() => this.#of("users.get", "users.put", "a.b.c", "odd name", "users.9")),
      ...this.#of<Partial<StoredCall>>(
        { upstream_id: "u" },
        { upstream_id: "v" },
        { uri: "http://a:81/base" },
        { uri: "http://b", allowed_hosts: ["c", "d:82"] },
      ),
      method: this.#of("GET", "POST", "PUT", "DELETE", "QUERY"),
      path: hasParams ? "/x/{id}/{other}" : "/x",
      params: hasParams ? { id: this.#textual(place), other: this.#textual(place) } : undefined,
      query: this.#maybe(() => ({ q: this.#value(place, 1), "a b": this.#value(place, 1) })),
      headers: this.#maybe(() => this.#headers(place)),
      body: this.#maybe(() => this.#value(place, 3)),
      response: this.#maybe(() => this.#schema()),
    });
  }

  #each(place: Place): NonNullable<StoredStep["each"]> {
    return this.#members({
      in: this.#value(place, 1),
      concurrency: this.#maybe(() => 3),
      max: this.#maybe(() => 9),
      do: this.#inner({ ...place, isInEach: true }),
      on_error: this.#maybe(() => this.#onError({ ...place, isInEach: true })),
    });
  }

  #choice(place: Place): NonNullable<StoredStep["choose"]> {
    return this.#members({
      branches: [
        { when: this.#condition(place), ...this.#inner(place) },
        { when: this.#value(place, 1), ...this.#inner(place) },
      ],
      otherwise: this.#maybe(() => this.#inner(place)),
    });
  }

  #inner(place: Place) {
    switch (this.#of("call", "value", "sub")) {
      case "call":
        return this.#members({ call: this.#call(place), ...this.#itemPolicies(place) });
      case "value":
        return { value: this.#value(place, 2) };
      case "sub":
        return { sub: this.#sub(place) };
    }
  }

  #sub(place: Place) {
    return this.#members({ chain: "other", body: this.#maybe(() => this.#value(place, 2)) });
  }

  #exit(place: Place) {
    return this.#members({
      status: this.#maybe(() => 418),
      headers: this.#maybe(() => this.#headers(place)),
      body: this.#maybe(() => this.#value(place, 2)),
    });
  }

  #onError(place: Place): "fail" | "skip" | { fallback: StoredValue } {
    return this.#of<"fail" | "skip" | { fallback: StoredValue }>("fail", "skip", {
      fallback: this.#value(place, 2),
    });
  }

  #headers(place: Place) {
    return { "x-a": this.#textual(place), "X-B": this.#of<StoredValue>("b", 1, true) };
  }

  /** Something that can be text: no list, no object. */
  #textual(place: Place): StoredValue {
    return this.#of<StoredValue>("a/b", 7, this.#reference(place), this.#operation(place, 1));
  }

  #condition(place: Place): StoredValue {
    return this.#of<StoredValue>(true, this.#reference(place), this.#operation(place, 2));
  }

  #value(place: Place, depth: number): StoredValue {
    const kind =
      depth <= 0
        ? "scalar"
        : this.#of("scalar", "ref", "ref", "op", "op", "list", "object", "literal");
    switch (kind) {
      case "scalar":
        return this.#draw(scalars);
      case "ref":
        return this.#reference(place);
      case "op":
        return this.#operation(place, depth);
      case "list":
        return [this.#value(place, depth - 1), this.#value(place, depth - 1)];
      case "object":
        return this.#object(() => this.#value(place, depth - 1));
      case "literal":
        return {
          $literal: this.#of<unknown>({ $ref: ["a"], n: null }, { x: { $y: 1 }, $z: [1] }, 5, {
            plain: 1,
          }),
        };
    }
  }

  #object(member: () => StoredValue): StoredValue {
    const entries = [this.#draw(memberNames), this.#draw(memberNames)]
      .filter((name) => !name.startsWith("$"))
      .map((name) => [name, member()] as const);
    return Object.fromEntries(entries);
  }

  #reference(place: Place): StoredValue {
    const heads: [string, ...string[]][] = [
      ["input", "body"],
      ["input", "query"],
      ["input", "headers"],
      ["input", "params"],
      ["input", "ip"],
      ...place.steps.map((name): [string] => [name]),
      ...(place.isInEach ? [["item"] as [string]] : []),
    ];
    const path = this.#bool()
      ? [this.#of<string | number>(this.#draw(memberNames), this.#int(0, 12), 1234567890123)]
      : [];
    if (place.isInEach && this.#int(0, 9) === 0) return { $ref: ["index"] };
    return { $ref: [...this.#of(...heads), ...path] as [string, ...(string | number)[]] };
  }

  #operation(place: Place, depth: number): StoredValue {
    const operator = this.#of(...operators.values());
    if (operator.name === "matches")
      return { $op: "matches", args: [this.#value(place, depth - 1), "^a"] };
    if (operator.params.some((param) => param.kind === "step"))
      return this.#ofStep(operator, place);
    const args = operator.params.flatMap((param): StoredValue[] => {
      if (param.optional === true && this.#bool()) return [];
      const times =
        param.rest === true ? this.#int(1, 2) * (operator.name === "object" ? 2 : 1) : 1;
      return Array.from({ length: times }, () => this.#argument(param, place, depth));
    });
    return { $op: operator.name, args };
  }

  #argument(param: Operator["params"][number], place: Place, depth: number): StoredValue {
    switch (param.kind) {
      case "text":
        return param.choices === undefined ? this.#draw(texts) : this.#of(...param.choices);
      case "texts":
        return [this.#draw(memberNames)];
      case "segment":
        return this.#of<string | number>(this.#draw(memberNames), 3);
      default:
        return this.#value(place, depth - 1);
    }
  }

  #ofStep(operator: Operator, { calls }: Place): StoredValue {
    if (calls.length === 0) return 1;
    const step: StoredValue = { $ref: [this.#of(...calls)] };
    return { $op: operator.name, args: operator.name === "status" ? [step] : [step, "ETag"] };
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
    return this.#of<Record<string, unknown>>(
      { type: "object", properties: { $ref: { type: "string" } } },
      { type: "array", items: {} },
      {},
    );
  }

  /** Members in their order, without those that are `undefined`. */
  #members<T extends object>(members: { [K in keyof T]: T[K] | undefined }): T {
    // What is left out was undefined, which the type of T leaves out too.
    return Object.fromEntries(
      Object.entries(members).filter(([, member]) => member !== undefined),
    ) as T;
  }

  #ordered(chain: object, end: object): StoredChain {
    return this.#members<StoredChain>({ ...chain, ...end } as StoredChain);
  }

  #maybe<T>(make: () => T): T | undefined {
    return this.#int(0, 2) === 0 ? make() : undefined;
  }

  #of<T>(...choices: readonly T[]): T {
    return this.#draw(() => fc.constantFrom(...choices));
  }

  #bool(): boolean {
    return this.#draw(() => fc.boolean());
  }

  #int(min: number, max: number): number {
    return this.#draw(() => fc.integer({ min, max }));
  }
}
