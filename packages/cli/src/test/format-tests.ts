import { formatIssue } from "@catena/errors";
import { formatPosition, shortFile, withShortFile } from "../config/format-position.ts";
import type { Style } from "../output.ts";
import { hasPassed, type TestedCase, type TestedFile, type TestFailure } from "./tested-file.ts";

/** Most differences of one failure that are shown. */
const mostDifferences = 20;
/** Characters of one value that are shown. */
const mostCharacters = 300;

/** What `catena test` prints of one file. */
export function formatTestedFile(tested: TestedFile, style: Style): string {
  const { file, cases, issues } = tested;
  return [
    style.bold(file),
    ...cases.map((one) => formatCase(one, style)),
    ...issues.map(
      (issue) =>
        `  ${style.red("FAIL")} ${formatIssue(withShortFile(issue))} ${style.dim(`[${issue.code}]`)}`,
    ),
  ].join("\n");
}

/** `12 passed, 1 failed in 3 files`. */
export function formatTotals(files: readonly TestedFile[], style: Style): string {
  const { passed, failed } = totalsOf(files);
  const counts = [
    passed > 0 ? style.green(`${passed} passed`) : "0 passed",
    failed > 0 ? style.red(`${failed} failed`) : "0 failed",
  ];
  return `${counts.join(", ")} in ${files.length} ${files.length === 1 ? "file" : "files"}`;
}

/** What `catena test --json` prints. */
export function testsToJson(files: readonly TestedFile[]): object {
  return {
    ...totalsOf(files),
    files: files.map((tested) => ({
      file: tested.file,
      passed: hasPassed(tested),
      cases: tested.cases.map(({ name, durationMs, failures, happened }) => ({
        name,
        passed: failures.length === 0,
        duration_ms: Math.round(durationMs * 10) / 10,
        ...(failures.length === 0 ? {} : { failures: failures.map(withShortSource), happened }),
      })),
      issues: tested.issues.map(withShortFile),
    })),
  };
}

function withShortSource(failure: TestFailure): TestFailure {
  const { source } = failure;
  return { ...failure, source: { ...source, file: shortFile(source.file) } };
}

function totalsOf(files: readonly TestedFile[]): { passed: number; failed: number } {
  const cases = files.flatMap((tested) => tested.cases);
  const failed = cases.filter(({ failures }) => failures.length > 0).length;
  // A file that could not be run counts as one that failed.
  const broken = files.filter(({ issues }) => issues.length > 0).length;
  return { passed: cases.length - failed, failed: failed + broken };
}

function formatCase({ name, durationMs, failures, happened }: TestedCase, style: Style): string {
  if (failures.length === 0) {
    return `  ${style.green("ok")}   ${name} ${style.dim(`${durationMs.toFixed(0)} ms`)}`;
  }
  return [
    `  ${style.red("FAIL")} ${style.bold(name)}`,
    ...failures.flatMap((failure) => formatFailure(failure, style)),
    ...(happened === null ? [] : ["", indent(style.dim(happened), 7)]),
  ].join("\n");
}

function formatFailure(failure: TestFailure, style: Style): readonly string[] {
  const { source, part, message, differences } = failure;
  const where = part === "" ? "" : `${part}: `;
  const legend = differences.length === 0 ? "" : " (- expected, + found)";
  const shown = differences
    .slice(0, mostDifferences)
    .flatMap(({ path, expected, found }) => [
      ...wordSide("-", path, expected, style.green),
      ...wordSide("+", path, found, style.red),
    ]);
  const more = differences.length - mostDifferences;
  const lines = more > 0 ? [...shown, `  and ${more} more`] : shown;
  const head = `${formatPosition(source)} ${where}${message}${legend}`;
  return [head, ...lines].map((line) => indent(line, 7));
}

function wordSide(
  mark: string,
  path: string,
  value: unknown,
  paint: (text: string) => string,
): readonly string[] {
  if (value === undefined) return [];
  const text = JSON.stringify(value);
  const shown = text.length > mostCharacters ? `${text.slice(0, mostCharacters)}…` : text;
  return [`  ${paint(`${mark} ${path === "" ? "" : `${path}: `}${shown}`)}`];
}

function indent(text: string, by: number): string {
  return text.replaceAll(/^(?=.)/gm, " ".repeat(by));
}
