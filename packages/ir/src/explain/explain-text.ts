import type { ExplainedCall, ExplainedChain, ExplainedStep } from "./explain-chain.ts";

/**
 * Words a chain for a terminal: its steps by wave, what each calls, uses and waits for.
 *
 * ```
 * 4 steps in 3 waves, deadline 2500 ms
 *
 * 1  user    GET users.get /users/{id} at upstream users-v1
 *            uses input.body.userId
 *            timeout 400 ms, 2 attempts
 * ```
 */
export function explainText(chain: ExplainedChain): string {
  const { steps, waves, deadlineMs, id, form, end, undoOrder } = chain;
  const name = id === undefined ? "" : `chain ${id}: `;
  const kind = form === "classic" ? ", classic form" : "";
  const width = Math.max(...steps.map((step) => step.name.length), end.kind.length);
  const lines = [
    `${name}${count(steps.length, "step")} in ${count(waves.length, "wave")}, deadline ${deadlineMs} ms${kind}`,
  ];
  for (const [index, names] of waves.entries()) {
    lines.push("");
    for (const [at, step] of steps.filter((other) => names.includes(other.name)).entries()) {
      const number = at === 0 ? String(index + 1) : "";
      const [first = "", ...more] = stepLines(step);
      lines.push(`${number.padEnd(3)}${step.name.padEnd(width)}  ${first}`);
      for (const line of more) lines.push(`${" ".repeat(width + 5)}${line}`);
    }
  }
  const upstream = end.upstream === undefined ? "" : ` to upstream ${end.upstream}`;
  const uses = end.uses.length === 0 ? "" : `uses ${end.uses.join(", ")}`;
  lines.push("", `   ${end.kind.padEnd(width)}  ${uses}${upstream}`.trimEnd());
  if (undoOrder.length > 1) {
    lines.push(`   ${"undo".padEnd(width)}  of those that were done: ${undoOrder.join(", then ")}`);
  }
  return lines.join("\n");
}

function stepLines(step: ExplainedStep): readonly string[] {
  const { kind, calls, does, uses, waitsFor, policies, undo } = step;
  const waits = waitsFor.map(({ name, reason }) => `${name} (${reason})`);
  return [
    kind === "call" ? "" : `${kind === "each" ? "" : `${kind} `}${does ?? ""}`,
    ...calls.map(wordCall),
    ...(uses.length === 0 ? [] : [`uses ${uses.join(", ")}`]),
    ...(waits.length === 0 ? [] : [`waits for ${waits.join(", ")}`]),
    ...(policies.length === 0 ? [] : [policies.join(", ")]),
    ...(undo === undefined ? [] : [`undone by ${wordCall(undo)}`]),
  ].filter((line) => line !== "");
}

function wordCall({ op, method, target, path }: ExplainedCall): string {
  return `${method} ${op === undefined ? "" : `${op} `}${path} at ${target}`;
}

function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? "" : "s"}`;
}
