import type { Style } from "../output.ts";
import type { DeployPlan, PlannedChange } from "./plan-changes.ts";

const signs = { create: "+", update: "~", delete: "-" } as const;
const colours = { create: "green", update: "yellow", delete: "red" } as const;

/** Longest JSON shown for one field. */
const maxShown = 160;

/**
 * Words a plan: a line per resource, a line per field that changes, a summary.
 *
 * ```
 * ~ routes/checkout
 *     /plugins/proxy-chain/services/0/uri: "http://a/x" -> "http://b/x"
 * 1 to create, 1 to update, 0 to delete, 4 unchanged
 * ```
 */
export function formatPlan(plan: DeployPlan, style: Style): string {
  const lines: string[] = [];
  for (const change of plan.changes) {
    lines.push(style[colours[change.action]](`${signs[change.action]} ${change.name}`));
    for (const field of change.fields) {
      const path = style.dim(`    ${field.path}:`);
      lines.push(`${path} ${describeField(change, field.before, field.after)}`);
    }
  }
  if (plan.orphans.length > 0) {
    lines.push(
      style.dim(
        `not in the configs any more, kept (delete with --prune): ${plan.orphans.join(", ")}`,
      ),
    );
  }
  const count = (action: PlannedChange["action"]): number =>
    plan.changes.filter((change) => change.action === action).length;
  lines.push(
    `${count("create")} to create, ${count("update")} to update, ` +
      `${count("delete")} to delete, ${plan.unchanged} unchanged`,
  );
  return lines.join("\n");
}

function describeField(change: PlannedChange, before: unknown, after: unknown): string {
  if (change.action === "create" || before === undefined) return show(after);
  if (after === undefined) return `${show(before)} -> removed`;
  return `${show(before)} -> ${show(after)}`;
}

function show(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > maxShown ? `${text.slice(0, maxShown)}…` : text;
}
