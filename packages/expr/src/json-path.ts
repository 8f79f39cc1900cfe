/** Finds what a JSONPath leads to, in the order of the document. */
export type JsonPathFinder = (document: unknown) => readonly unknown[];

type Step = { readonly isDeep: boolean; readonly name: string | number | null };

/** Most values a path may lead to, and most that are looked at for `..`. */
const maxResults = 10_000;

const maxSteps = 64;

/** One step: `..name`, `.name`, `..[…]`, `[…]`; a name at the start has no dot. */
const step =
  /(\.\.|\.)?(?:(\*)|([^.[\]*'"()?@$,:\s]+)|\[(?:(\*)|(\d{1,9})|'([^'\\]*)'|"([^"\\]*)")\])/y;

/**
 * Compiles a JSONPath without its leading `$.`: names, `*`, `[n]` from 0, `['name']` and `..`.
 *
 * @returns `null` for anything else: filters, slices, unions and scripts.
 */
export function compileJsonPath(path: string): JsonPathFinder | null {
  const steps: Step[] = [];
  step.lastIndex = 0;
  for (let at = 0; at < path.length; at = step.lastIndex) {
    step.lastIndex = at;
    const found = step.exec(path);
    if (found === null || steps.length === maxSteps) return null;
    const [, dots, star, name, starIndex, index, single, double] = found;
    const isBracket = star === undefined && name === undefined;
    // A name needs a dot before it, but for the first; a bracket must not have a single one.
    if (at > 0 && dots === undefined && !isBracket) return null;
    if (isBracket && dots === ".") return null;
    const text = name ?? single ?? double ?? null;
    const isAny = star !== undefined || starIndex !== undefined;
    steps.push({
      isDeep: dots === "..",
      name: isAny ? null : index === undefined ? text : Number(index),
    });
  }
  return (document) => steps.reduce<readonly unknown[]>(follow, [document]);
}

function follow(from: readonly unknown[], { isDeep, name }: Step): readonly unknown[] {
  const reached: unknown[] = [];
  for (const value of isDeep ? withDescendants(from) : from) {
    if (reached.length >= maxResults) break;
    if (typeof value !== "object" || value === null) continue;
    if (name === null) reached.push(...Object.values(value));
    else if (Array.isArray(value)) {
      if (typeof name === "number" && name < value.length) reached.push(value[name]);
    } else if (Object.hasOwn(value, name)) {
      // Just seen to be a member of its own.
      reached.push((value as Readonly<Record<string, unknown>>)[name]);
    }
  }
  return reached.slice(0, maxResults);
}

function withDescendants(from: readonly unknown[]): readonly unknown[] {
  const all: unknown[] = [];
  const open = [...from].reverse();
  while (open.length > 0 && all.length < maxResults) {
    const value = open.pop();
    all.push(value);
    if (typeof value === "object" && value !== null) open.push(...Object.values(value).reverse());
  }
  return all;
}
