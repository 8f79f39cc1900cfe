import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { checkSources } from "../config/check-sources.ts";
import { evaluate } from "../config/evaluate.ts";
import type { RunCase, RunFailure } from "../config/evaluation.ts";
import type { TestedCase, TestedFile, TestFailure } from "./tested-file.ts";

/** Longest the cases of one file may take together, in milliseconds. */
const limitMs = 30_000;

/** Runs the cases of one test file, in a realm of its own. */
export async function runSpec(file: string, only: string | undefined): Promise<TestedFile> {
  const reply = await evaluate({ files: [file], want: "cases", only }, limitMs);
  const issues = reply.kind === "issues" ? reply.issues : [];
  // A chain that misuses a reference can pass its tests and mean something else.
  const misuses = await checkSources(reply.loaded, issues);
  const cases = reply.kind === "cases" ? await place(reply.cases, file) : [];
  return { file, cases, issues: [...issues, ...misuses] };
}

async function place(cases: readonly RunCase[], file: string): Promise<readonly TestedCase[]> {
  const { locateCases } = await import("@catena/source-check");
  const find = locateCases(readFileSync(file, "utf8"), resolve(file));
  return cases.map(({ group, name, failures, ...rest }) => ({
    ...rest,
    name: name === "" ? group : name,
    failures: failures.map(
      ({ at, message, differences, thrownAt }: RunFailure): TestFailure => ({
        source: thrownAt ??
          find({ group, name, at }) ?? { file: resolve(file), line: 1, column: 1 },
        part: at.join("."),
        message,
        differences,
      }),
    ),
  }));
}
