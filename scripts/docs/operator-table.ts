import { type Operator, type OperatorParam, operators } from "@catena/ir";
import { replaceSection } from "./generated-section.ts";
import { markdownTable } from "./markdown-table.ts";

/** Writes the table of docs/values.md: every operator of stored values. */
export function writeOperators(text: string): string {
  const rows = [...operators.values()].map((operator) => [
    `\`${signatureOf(operator)}\``,
    operator.returns,
    operator.doc,
  ]);
  return replaceSection(text, "operators", markdownTable(["operator", "gives", ""], rows));
}

function signatureOf({ name, params }: Operator): string {
  return `${name}(${params.map(parameter).join(", ")})`;
}

function parameter({ name, choices, optional, rest }: OperatorParam): string {
  const shown = choices === undefined ? name : choices.map((choice) => `"${choice}"`).join(" | ");
  return `${rest === true ? "…" : ""}${shown}${optional === true ? "?" : ""}`;
}
