/**
 * A compressed prefix tree: finds every stored key that a text starts with, longest first. Adding,
 * removing and finding take time by the length of the key, not by the number of keys.
 */
export class RadixTree<T> {
  readonly #root: Node<T> = { label: "", value: null, children: new Map() };
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): T | null {
    let node: Node<T> | undefined = this.#root;
    let at = 0;
    while (at < key.length) {
      node = node.children.get(key.charCodeAt(at));
      if (node === undefined || !key.startsWith(node.label, at)) return null;
      at += node.label.length;
    }
    return node.value;
  }

  set(key: string, value: T): void {
    let node = this.#root;
    let at = 0;
    while (at < key.length) {
      const code = key.charCodeAt(at);
      let child = node.children.get(code);
      if (child === undefined) {
        child = { label: key.slice(at), value: null, children: new Map() };
        node.children.set(code, child);
      } else {
        const shared = sharedLength(child.label, key, at);
        if (shared < child.label.length) child = split(node, child, shared);
      }
      at += child.label.length;
      node = child;
    }
    if (node.value === null) this.#size++;
    node.value = value;
  }

  delete(key: string): void {
    if (this.#delete(this.#root, key, 0)) this.#size--;
  }

  /**
   * Calls `visit` with the value and length of every stored key that `text` starts with, longest key
   * first, until it returns something other than `null`.
   *
   * @param isReversed reads `text` from its end, for keys stored reversed (suffixes).
   */
  find<R>(text: string, visit: Visit<T, R>, isReversed = false): R | null {
    return isReversed
      ? findReversed(this.#root, text, 0, visit)
      : findForward(this.#root, text, 0, visit);
  }

  #delete(node: Node<T>, key: string, at: number): boolean {
    if (at === key.length) {
      const had = node.value !== null;
      node.value = null;
      return had;
    }
    const code = key.charCodeAt(at);
    const child = node.children.get(code);
    if (child === undefined || !key.startsWith(child.label, at)) return false;
    const had = this.#delete(child, key, at + child.label.length);
    if (child.value === null) shrink(node, code, child);
    return had;
  }
}

type Visit<T, R> = (value: T, length: number) => R | null;

interface Node<T> {
  /** What this node adds to the key of its parent. */
  label: string;
  value: T | null;
  /** By the first character code of their labels. */
  readonly children: Map<number, Node<T>>;
}

/** Cuts a child in two, so that a node stands after `length` characters of its label. */
function split<T>(parent: Node<T>, child: Node<T>, length: number): Node<T> {
  const upper: Node<T> = { label: child.label.slice(0, length), value: null, children: new Map() };
  parent.children.set(child.label.charCodeAt(0), upper);
  child.label = child.label.slice(length);
  upper.children.set(child.label.charCodeAt(0), child);
  return upper;
}

/** Removes a node without value, or joins it with its only child. */
function shrink<T>(parent: Node<T>, code: number, node: Node<T>): void {
  if (node.children.size > 1) return;
  const [only] = node.children.values();
  if (only === undefined) {
    parent.children.delete(code);
    return;
  }
  only.label = node.label + only.label;
  parent.children.set(code, only);
}

function sharedLength(label: string, key: string, at: number): number {
  let length = 0;
  while (length < label.length && label.charCodeAt(length) === key.charCodeAt(at + length))
    length++;
  return length;
}

function findForward<T, R>(node: Node<T>, text: string, at: number, visit: Visit<T, R>): R | null {
  const child = at < text.length ? node.children.get(text.charCodeAt(at)) : undefined;
  if (child !== undefined && text.startsWith(child.label, at)) {
    const found = findForward(child, text, at + child.label.length, visit);
    if (found !== null) return found;
  }
  return node.value === null ? null : visit(node.value, at);
}

/** @param at characters of `text` already used, counted from its end. */
function findReversed<T, R>(node: Node<T>, text: string, at: number, visit: Visit<T, R>): R | null {
  const child = node.children.get(text.charCodeAt(text.length - 1 - at));
  if (child !== undefined && endsAt(child.label, text, at)) {
    const found = findReversed(child, text, at + child.label.length, visit);
    if (found !== null) return found;
  }
  return node.value === null ? null : visit(node.value, at);
}

function endsAt(label: string, text: string, at: number): boolean {
  for (let i = 0; i < label.length; i++) {
    if (label.charCodeAt(i) !== text.charCodeAt(text.length - 1 - at - i)) return false;
  }
  return true;
}
