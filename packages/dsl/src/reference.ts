import type { StoredValue } from "@catena/ir";
import { operators } from "@catena/ir";
import { dslErrors } from "./errors.ts";
import { callerPosition } from "./source-position.ts";

/** What a reference stands for. Kept apart from the proxy, so that looking at it hits no trap. */
type Node =
  | { readonly kind: "path"; readonly path: readonly [string, ...(string | number)[]] }
  | { readonly kind: "operation"; readonly op: string; readonly args: readonly StoredValue[] }
  | { readonly kind: "stored"; readonly value: StoredValue }
  | {
      readonly kind: "member";
      readonly of: Extract<Node, { readonly kind: "operation" | "stored" }>;
      readonly path: readonly (string | number)[];
    };

const nodes = new WeakMap<object, Node>();

/** Names whose meaning in JavaScript is in the way of meaning a member of the JSON. */
const TAKEN: ReadonlySet<string> = new Set(["then", "constructor", "__proto__", "prototype"]);

/** What the callback of an `each` is given beside the scope. */
const EACH_NAMES: ReadonlySet<string> = new Set(["item", "index"]);

/** A reference by path: `["user", "id"]`. Any use but reading members throws and says what to do. */
export function pathReference(path: readonly [string, ...(string | number)[]]): object {
  return makeProxy({ kind: "path", path });
}

/** A value an operator computes; its members are references too. */
export function operationReference(op: string, args: readonly StoredValue[]): object {
  return makeProxy({ kind: "operation", op, args });
}

/** A value in its stored form; its members are references too. */
export function rawReference(value: StoredValue): object {
  return makeProxy({ kind: "stored", value });
}

/** Reaches members by name, whatever the name. */
export function memberReference(of: object, path: readonly (string | number)[]): object | null {
  const node = nodes.get(of);
  return node === undefined ? null : makeProxy(path.reduce(descend, node));
}

/** Whether a value is a reference; true for no other value whatever its shape. */
export function isReference(value: unknown): value is object {
  return (typeof value === "object" || typeof value === "function") && value !== null
    ? nodes.has(value)
    : false;
}

/** The stored form of a reference, which may be any value; `null` for what is none. */
export function storedReference(reference: object): StoredValue {
  const node = nodes.get(reference);
  return node === undefined ? null : toStoredNode(node);
}

/** The step a bare reference `$.name` refers to; `null` for anything deeper or else. */
export function stepOf(value: unknown): string | null {
  const node = isReference(value) ? nodes.get(value) : undefined;
  return node?.kind === "path" && node.path.length === 1 ? node.path[0] : null;
}

/** Whether a reference is a condition: an operator whose result is always true or false. */
export function isCondition(value: unknown): boolean {
  const node = isReference(value) ? nodes.get(value) : undefined;
  return node?.kind === "operation" && operators.get(node.op)?.returns === "boolean";
}

function toStoredNode(node: Node): StoredValue {
  switch (node.kind) {
    case "path":
      return { $ref: node.path };
    case "operation":
      return { $op: node.op, args: node.args };
    case "stored":
      return node.value;
    case "member":
      return { $op: "get", args: [toStoredNode(node.of), ...node.path] };
  }
}

function descend(node: Node, segment: string | number): Node {
  switch (node.kind) {
    case "path":
      return { kind: "path", path: [...node.path, segment] };
    case "operation":
    case "stored":
      return { kind: "member", of: node, path: [segment] };
    case "member":
      return { ...node, path: [...node.path, segment] };
  }
}

/** Readable in messages: `$.user.items[0]`, `first(…).name`. */
function describe(node: Node): string {
  const members = (path: readonly (string | number)[]): string =>
    path.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("");
  switch (node.kind) {
    case "path":
      return EACH_NAMES.has(node.path[0]) ? members(node.path).slice(1) : `$${members(node.path)}`;
    case "operation":
      return `${node.op}(…)`;
    case "stored":
      return "stored(…)";
    case "member":
      return `${describe(node.of)}${members(node.path)}`;
  }
}

function makeProxy(node: Node): object {
  // A function, because only those can trap being called.
  const target = (): never => {
    throw misuse(node, "call", CALL_HINT, target);
  };
  const proxy = new Proxy(target, new Traps(node));
  nodes.set(proxy, node);
  return proxy;
}

const CALL_HINT =
  "methods do not exist on it; use a helper such as lower, concat, length, or each for arrays";
const PRIMITIVE_HINT = "use add, subtract, eq, gt and the like, or tpl`…` to build text";
const SPREAD_HINT = "use merge($.a, { … }), pick or omit";

class Traps implements ProxyHandler<() => never> {
  readonly #node: Node;

  constructor(node: Node) {
    this.#node = node;
  }

  get(_: unknown, key: string | symbol): unknown {
    const node = this.#node;
    if (typeof key === "symbol") return this.#symbol(key);
    if (key === "toJSON") {
      const toJson = (): never => {
        throw misuse(node, "JSON.stringify", "use json(value) to send JSON as text", toJson);
      };
      return toJson;
    }
    if (TAKEN.has(key)) {
      throw dslErrors.DSL_REFERENCE_NAME({
        name: key,
        hint: `write at(${describe(node)}, "${key}"); and a step's callback must not be async`,
        source: callerPosition(this.get),
      });
    }
    return makeProxy(descend(node, /^(0|[1-9]\d{0,8})$/.test(key) ? Number(key) : key));
  }

  #symbol(key: symbol): unknown {
    const node = this.#node;
    if (key === Symbol.toPrimitive) {
      const toPrimitive = (hint: string): never => {
        throw hint === "string"
          ? misuse(node, "text", "write tpl`…` in place of a plain template", toPrimitive)
          : misuse(node, "arithmetic or comparison", PRIMITIVE_HINT, toPrimitive);
      };
      return toPrimitive;
    }
    if (key === Symbol.iterator || key === Symbol.asyncIterator) {
      throw misuse(node, "iteration", "use each(list, item => …) or concat", this.get);
    }
    return undefined;
  }

  has(_: unknown, key: string | symbol): boolean {
    throw misuse(this.#node, `"${String(key)}" in`, `use has(value, "${String(key)}")`, this.has);
  }

  ownKeys(): never {
    throw misuse(this.#node, "spread or listing of members", SPREAD_HINT, this.ownKeys);
  }

  getOwnPropertyDescriptor(): never {
    throw misuse(this.#node, "inspection", SPREAD_HINT, this.getOwnPropertyDescriptor);
  }

  set(): never {
    throw misuse(this.#node, "assignment", "references cannot be changed", this.set);
  }

  defineProperty(): never {
    throw misuse(this.#node, "assignment", "references cannot be changed", this.defineProperty);
  }

  deleteProperty(): never {
    throw misuse(this.#node, "deletion", "use omit(value, name)", this.deleteProperty);
  }

  apply(): never {
    throw misuse(this.#node, "call", CALL_HINT, this.apply);
  }
}

/** Makes the error; thrown by the trap itself, which so stays on the stack to be cut off at. */
function misuse(
  node: Node,
  use: string,
  hint: string,
  boundary: (...args: never[]) => unknown,
): Error {
  return dslErrors.DSL_REFERENCE_USED({
    use,
    reference: describe(node),
    hint,
    source: callerPosition(boundary),
  });
}
