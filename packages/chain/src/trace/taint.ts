import {
  checkChain,
  isStoredLiteral,
  isStoredObject,
  isStoredOperation,
  isStoredReference,
  type OnError,
  type StoredAction,
  type StoredCall,
  type StoredChain,
  type StoredItemPolicies,
  type StoredStep,
  type StoredValue,
} from "@catena/ir";
import { isPlainHeader, isSecretName } from "./secret-names.ts";

/** `true`: the whole value is masked; a map: these members are; `false`: it is shown. */
export type Mask = boolean | ReadonlyMap<string, Mask>;

/** What of a call's values a trace must not show, known before any request. */
export interface CallMask {
  /** The path as the chain writes it, where a value in it is secret; else `null`. */
  readonly path: string | null;
  /** Decoded names of arguments. */
  readonly query: ReadonlySet<string>;
  /** In lower case. */
  readonly headers: ReadonlySet<string>;
  readonly body: Mask;
  readonly reply: boolean;
}

/**
 * Which values of a chain are derived from a secret: from a cookie, from a header that may say who
 * asks, from a member named like one, or from a step that is. A response is when a secret is in its
 * call's path, query, host or body; a header only says who calls.
 */
export class Taint {
  readonly #steps: ReadonlySet<string>;
  readonly #hasSecretItem: boolean;
  readonly #replies: SecretReplies;

  constructor(steps: ReadonlySet<string>, hasSecretItem: boolean, replies: SecretReplies) {
    this.#steps = steps;
    this.#hasSecretItem = hasSecretItem;
    this.#replies = replies;
  }

  /** Follows a chain's steps in their order: a step refers to earlier ones only. */
  static ofChain(stored: Pick<StoredChain, "steps">, replies: SecretReplies): Taint {
    const secret = new Set<string>();
    const taint = new Taint(secret, false, replies);
    for (const step of stored.steps) if (taint.#isSecretStep(step)) secret.add(step.name);
    return taint;
  }

  /** Within an `each` over such items. */
  withItems(items: StoredValue): Taint {
    return new Taint(this.#steps, this.isSecret(items), this.#replies);
  }

  isSecret(value: StoredValue): boolean {
    if (typeof value === "string") return this.#replies.isSecretText(value);
    if (typeof value !== "object" || value === null) return false;
    if (isStoredLiteral(value)) return this.#holdsSecret(value.$literal);
    if (isStoredReference(value)) return this.#isSecretPath(value.$ref);
    if (isStoredOperation(value))
      return value.args.some((arg) => isSecretText(arg) || this.isSecret(arg));
    const members = isStoredObject(value) ? Object.values(value) : [...(value as StoredValue[])];
    return members.some((member) => this.isSecret(member));
  }

  maskOf(value: StoredValue | undefined): Mask {
    if (value === undefined) return false;
    if (!isStoredObject(value)) return this.isSecret(value);
    const masks = Object.entries(value)
      .map(([name, member]) => [name, this.maskOf(member)] as const)
      .filter(([, mask]) => mask !== false);
    return masks.length === 0 ? false : new Map(masks);
  }

  callMask(call: StoredCall): CallMask {
    const secretNames = (values: Readonly<Record<string, StoredValue>> = {}): string[] =>
      Object.keys(values).filter((name) => this.isSecret(values[name] ?? null));
    const params = Object.entries(call.params ?? {});
    const isPathSecret = params.some(([name, value]) => isSecretName(name) || this.isSecret(value));
    return {
      path: isPathSecret ? call.path : null,
      query: new Set(secretNames(call.query)),
      headers: new Set(secretNames(call.headers).map((name) => name.toLowerCase())),
      body: this.maskOf(call.body),
      reply: this.#isSecretReply(call),
    };
  }

  #holdsSecret(json: unknown): boolean {
    if (typeof json === "string") return this.#replies.isSecretText(json);
    return Object.values(Object(json)).some((member) => this.#holdsSecret(member));
  }

  #isSecretPath([head, ...rest]: readonly (string | number)[]): boolean {
    const [part, name] = rest;
    if (head === "input") {
      if (part === "cookies") return true;
      if (part === "headers") return name === undefined || !isPlainHeader(String(name));
    }
    if (head === "item" && this.#hasSecretItem) return true;
    if (typeof head === "string" && this.#steps.has(head)) return true;
    return rest.some((segment) => isSecretName(String(segment)));
  }

  #isSecretStep(step: StoredStep): boolean {
    if (this.#isSecretStandIn(step.on_error)) return true;
    const { each, choose } = step;
    if (each !== undefined) {
      const inner = this.withItems(each.in);
      return inner.#isSecretAction(each.do) || inner.#isSecretStandIn(each.on_error);
    }
    if (choose === undefined) return this.#isSecretAction(step);
    const { branches, otherwise } = choose;
    return (
      branches.some((branch) => this.isSecret(branch.when) || this.#isSecretAction(branch)) ||
      (otherwise !== undefined && this.#isSecretAction(otherwise))
    );
  }

  #isSecretAction(action: StoredAction & StoredItemPolicies): boolean {
    const { call, sub, value, on_status } = action;
    for (const rule of Object.values(on_status ?? {}))
      if (typeof rule === "object" && "fallback" in rule && this.isSecret(rule.fallback))
        return true;
    if (call !== undefined) return this.#isSecretReply(call);
    if (sub !== undefined) return this.isSecret(sub.body ?? null) || this.#replies.of(sub.chain);
    return value !== undefined && this.isSecret(value);
  }

  #isSecretReply({ params, query, host, body }: StoredCall): boolean {
    const values = [...Object.values(params ?? {}), ...Object.values(query ?? {}), host, body];
    return values.some((value) => value !== undefined && this.isSecret(value));
  }

  #isSecretStandIn(onError: OnError | undefined): boolean {
    return typeof onError === "object" && this.isSecret(onError.fallback);
  }
}

/** Which of the chains that are used by others reply with what is derived from a secret. */
export class SecretReplies {
  readonly #chain: (id: string) => unknown;
  readonly #known = new Map<string, boolean>();
  /** Whether a text that stands in a chain is a secret, as one that a reference stood for is. */
  readonly isSecretText: (text: string) => boolean;

  /**
   * @param chain the stored conf of a chain, by the name others use it by.
   * @param isSecretText default: what is written in a chain is no secret.
   */
  constructor(
    chain: (id: string) => unknown,
    isSecretText: (text: string) => boolean = () => false,
  ) {
    this.#chain = chain;
    this.isSecretText = isSecretText;
  }

  of(id: string): boolean {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    // A chain that uses itself is taken for one that does.
    this.#known.set(id, true);
    const { value: stored } = checkChain(this.#chain(id));
    if (stored === undefined) return true;
    const isSecret = Taint.ofChain(stored, this).isSecret(stored.reply?.body ?? null);
    this.#known.set(id, isSecret);
    return isSecret;
  }
}

/** The name in `header(step, "set-cookie")`, `get(value, "token")`. */
function isSecretText(value: StoredValue): boolean {
  return typeof value === "string" && isSecretName(value);
}
