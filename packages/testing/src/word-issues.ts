import { formatIssue, type Issue } from "@catena/errors";

/** Issues one to a line. */
export function wordIssues(issues: readonly Issue[]): string {
  return issues.map(formatIssue).join("\n");
}
