import { formatIssue, type Issue } from "@catena/errors";
import { withShortFile } from "./config/format-position.ts";
import type { Output } from "./output.ts";

/** Most findings printed; the first ones tell what is wrong. */
const most = 50;

/** Prints findings, one per line, and how many there are. */
export function reportIssues(issues: readonly Issue[], output: Output): void {
  for (const issue of issues.slice(0, most)) {
    output.err(
      `${output.style.red("error")} ${formatIssue(withShortFile(issue))} ${output.style.dim(`[${issue.code}]`)}`,
    );
  }
  if (issues.length > most) output.err(`… and ${issues.length - most} more`);
}

/** Prints what is worth knowing and stops nothing. */
export function reportNotes(notes: readonly Issue[], output: Output): void {
  for (const note of notes.slice(0, most)) {
    output.err(`${output.style.yellow("note")} ${formatIssue(withShortFile(note))}`);
  }
}
