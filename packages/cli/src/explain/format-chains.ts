import { explainMermaid, explainText } from "@catena/ir";
import { formatPosition, shortFile } from "../config/format-position.ts";
import type { Style } from "../output.ts";
import type { FoundChain } from "./find-chains.ts";

/** Each chain with a line that says where it is and what it takes. */
export function chainsToText(chains: readonly FoundChain[], style: Style): string {
  return chains
    .map((chain) => {
      const { resource, takes, source, isOff, plan } = chain;
      const place = source === undefined ? "" : style.dim(`  ${formatPosition(source)}`);
      const off = isOff ? style.yellow("  switched off") : "";
      const head = [style.bold(resource), ...takes].join("  ") + off + place;
      return `${head}\n${explainText(plan)}`;
    })
    .join("\n\n");
}

/** A list of all chains, each with its plan as `explainChain` has it. */
export function chainsToJson(chains: readonly FoundChain[]): readonly object[] {
  return chains.map(({ resource, takes, isOff, source, plan }) => ({
    resource,
    takes,
    ...(isOff ? { off: true } : {}),
    ...(source === undefined ? {} : { source: { ...source, file: shortFile(source.file) } }),
    ...plan,
  }));
}

/** One chain as a Mermaid diagram; several as Markdown with a diagram under each name. */
export function chainsToMermaid(chains: readonly FoundChain[]): string {
  const [only, ...others] = chains;
  if (only !== undefined && others.length === 0) return explainMermaid(only.plan);
  return chains
    .map(({ resource, plan }) => `## ${resource}\n\n\`\`\`mermaid\n${explainMermaid(plan)}\n\`\`\``)
    .join("\n\n");
}
