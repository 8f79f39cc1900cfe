import type { StoredChain, StoredStep } from "../stored-chain.ts";

/** A chain that another one runs whatever its request holds. */
interface CertainUse {
  readonly chain: string;
  /** Of the name, in the document of the chain that uses it. */
  readonly path: string;
}

/** A line of chains of which each is sure to run the next, and the last is one of those before. */
export interface EndlessUse {
  /** From the chain itself on: `["a", "b", "a"]`. */
  readonly names: readonly string[];
  /** Where the chain names the next one, as a JSON pointer. */
  readonly path: string;
}

/**
 * Finds whether running a chain could never end because chains use each other without a condition:
 * every request of it would run into the limit of how deep they nest.
 *
 * @param name what the chain is called by others.
 * @param find another chain by that name; `null` for one that is not there.
 * @returns `null` when there is a way out, such as `when`, a branch, an empty list or an exit.
 */
export function findEndlessUse(
  name: string,
  chain: StoredChain,
  find: (name: string) => StoredChain | null,
): EndlessUse | null {
  const ended = new Set<string>();
  const line: string[] = [];

  const visit = (own: string, stored: StoredChain): EndlessUse | null => {
    line.push(own);
    for (const use of certainUses(stored)) {
      if (line.includes(use.chain)) return { names: [...line, use.chain], path: use.path };
      const next = ended.has(use.chain) ? null : find(use.chain);
      const found = next === null ? null : visit(use.chain, next);
      if (found !== null) return { ...found, path: use.path };
    }
    line.pop();
    ended.add(own);
    return null;
  };
  return visit(name, chain);
}

function certainUses({ steps }: StoredChain): readonly CertainUse[] {
  if (steps.some(mayAnswerEarly)) return [];
  return steps.flatMap(({ sub, when }, index) =>
    sub === undefined || when !== undefined
      ? []
      : [{ chain: sub.chain, path: `/steps/${index}/sub/chain` }],
  );
}

/** Whether a step may end the chain before those after it run. */
function mayAnswerEarly({ exit, on_status, each, choose }: StoredStep): boolean {
  const rules = [on_status, each?.do.on_status, choose?.otherwise?.on_status].concat(
    choose?.branches.map((branch) => branch.on_status) ?? [],
  );
  return (
    exit !== undefined ||
    rules.some((rule) =>
      Object.values(rule ?? {}).some((one) => typeof one === "object" && "exit" in one),
    )
  );
}
