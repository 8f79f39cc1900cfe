import type { ExplainedChain, ExplainedStep } from "./explain-chain.ts";

/**
 * Draws a chain as a Mermaid flow chart: waves from left to right, whole arrows for what a step uses
 * or is told to wait for, dotted ones for order alone and for undo.
 */
export function explainMermaid(chain: ExplainedChain): string {
  const { steps, waves, end } = chain;
  const ids = new Map(steps.map((step, index) => [step.name, `s${index}`]));
  const lines = ["flowchart LR", "  request([request])"];
  for (const [index, names] of waves.entries()) {
    lines.push(`  subgraph wave${index + 1}["wave ${index + 1}"]`);
    for (const step of steps.filter((other) => names.includes(other.name))) {
      lines.push(`    ${ids.get(step.name)}${shape(step)}`);
    }
    lines.push("  end");
  }
  lines.push(`  answer([${quote(end.kind)}])`);
  for (const step of steps) lines.push(...edgesTo(step, steps, ids));
  for (const name of endsFrom(chain)) lines.push(`  ${ids.get(name) ?? "request"} --> answer`);
  for (const [index, { undo, name }] of steps.entries()) {
    if (undo === undefined) continue;
    const label = quote(`undo: ${undo.method} ${undo.op ?? undo.path}`);
    lines.push(`  u${index}[/${label}/]`, `  ${ids.get(name)} -.-> u${index}`);
  }
  return lines.join("\n");
}

function shape(step: ExplainedStep): string {
  const calls = step.calls.map(({ method, op, path }) => `${method} ${op ?? path}`);
  const kind = step.kind === "call" ? [] : [step.kind];
  const label = quote([step.name, ...kind, ...calls].join("<br>"));
  return step.kind === "choose" || step.kind === "exit" ? `{${label}}` : `[${label}]`;
}

function edgesTo(
  step: ExplainedStep,
  steps: readonly ExplainedStep[],
  ids: ReadonlyMap<string, string>,
): readonly string[] {
  const to = ids.get(step.name);
  if (step.waitsFor.length === 0) return [`  request --> ${to}`];
  return step.waitsFor.flatMap(({ name, reason }) => {
    const isData = reason === "reference" || reason === "after";
    if (!isData && isReached(name, step, steps)) return [];
    return [`  ${ids.get(name)} ${isData ? "-->" : `-. ${reason} .->`} ${to}`];
  });
}

/** Whether a step is waited for by way of another one, so that an arrow of its own says nothing. */
function isReached(name: string, step: ExplainedStep, steps: readonly ExplainedStep[]): boolean {
  return step.waitsFor.some((wait) => {
    const other = wait.name === name ? undefined : steps[wait.index];
    return other?.waitsFor.some((further) => further.name === name) ?? false;
  });
}

/** What the end uses; the last wave's steps when it uses none, since it waits for all. */
function endsFrom({ steps, waves, end }: ExplainedChain): readonly string[] {
  const used = steps
    .map(({ name }) => name)
    .filter((name) => end.uses.some((use) => isOf(use, name)));
  return used.length > 0 ? used : (waves.at(-1) ?? []);
}

/** Whether a reference in words is one to a step. */
function isOf(use: string, name: string): boolean {
  return use === name || use.startsWith(`${name}.`) || use.startsWith(`${name}[`);
}

/** A label in quotes; what ends or means something in one is written as an entity. */
function quote(text: string): string {
  const escaped = text
    .replaceAll("#", "#35;")
    .replaceAll('"', "#quot;")
    .replaceAll("<br>", "\n")
    .replaceAll("<", "#lt;")
    .replaceAll("\n", "<br>");
  return `"${escaped}"`;
}
