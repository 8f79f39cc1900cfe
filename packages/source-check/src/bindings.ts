import { child, children, type Node, nameOf } from "./node.ts";

/** What a name stands for: a `$`, a reference, a helper of the DSL, a function, something else. */
export type Binding =
  | { readonly kind: "scope" }
  | { readonly kind: "reference" }
  | { readonly kind: "helper"; readonly name: string }
  | { readonly kind: "dsl" }
  | { readonly kind: "function"; readonly node: Node }
  | { readonly kind: "other" };

const OTHER: Binding = { kind: "other" };

/** Names as they are seen somewhere; inner ones hide outer ones. */
export class Bindings {
  readonly #outer: Bindings | null;
  readonly #names = new Map<string, Binding>();

  constructor(outer: Bindings | null = null) {
    this.#outer = outer;
  }

  inner(): Bindings {
    return new Bindings(this);
  }

  get(name: string): Binding {
    return this.#names.get(name) ?? this.#outer?.get(name) ?? OTHER;
  }

  set(name: string, binding: Binding): void {
    this.#names.set(name, binding);
  }

  /**
   * Binds every name of a pattern. Members of a scope and of a reference are references; what is
   * taken out of anything else is something else.
   */
  bind(pattern: Node | null, binding: Binding): void {
    if (pattern === null) return;
    const name = nameOf(pattern);
    if (name !== null) {
      this.set(name, binding);
      return;
    }
    const isOfRun = binding.kind === "scope" || binding.kind === "reference";
    const member: Binding = isOfRun ? { kind: "reference" } : OTHER;
    switch (pattern.type) {
      case "ObjectPattern":
        for (const property of children(pattern, "properties")) {
          this.bind(child(property, "value") ?? child(property, "argument"), member);
        }
        return;
      case "ArrayPattern":
        for (const element of children(pattern, "elements")) this.bind(element, member);
        return;
      case "AssignmentPattern":
        this.bind(child(pattern, "left"), binding);
        return;
      case "RestElement":
        this.bind(child(pattern, "argument"), member);
        return;
      case "TSParameterProperty":
        this.bind(child(pattern, "parameter"), binding);
    }
  }
}
