import type { Issue } from "@catena/errors";

/** Collects what is wrong with one chain. */
export class Findings {
  readonly issues: Issue[] = [];

  add(
    path: string,
    code: string,
    message: string,
    rest: { readonly expected?: string; readonly found?: string; readonly hint?: string } = {},
  ): void {
    this.issues.push({ path, code, message, ...rest });
  }
}
