/**
 * `scripts/test [folder…]`: the parts of `bun run check`, then every bun test of the workspace, one
 * process per folder. The last line is `N passed, N failed`, summed over everything; each part of
 * the check counts as one test.
 */
import { readdirSync } from "node:fs";
import { checkParts, formatPart, runPart } from "./lib/check-parts.ts";
import { findFiles, repositoryRoot } from "./lib/repository.ts";
import { runGroup, type TestGroup } from "./lib/test-group.ts";

const groupLimitMs = 10 * 60_000;

const folders = process.argv
  .slice(2)
  .map((folder) => folder.replace(/^\.\//, "").replace(/\/$/, ""));
const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => interrupt.abort());
}

let passed = 0;
const failed: string[] = [];
if (folders.length === 0) await runCheck();
await runGroups(selectGroups());
if (interrupt.signal.aborted) failed.push("the run was interrupted");
if (failed.length > 0) {
  console.log("\nfailed:");
  for (const name of failed) console.log(`  ${name}`);
}
console.log(`${passed} passed, ${failed.length} failed`);
process.exit(failed.length === 0 ? 0 : 1);

async function runCheck(): Promise<void> {
  heading("check");
  for (const part of checkParts) {
    if (part.isBunTest) continue;
    const result = await runPart(part);
    console.log(formatPart(result));
    if (result.isOk) {
      passed += 1;
    } else {
      console.log(result.output);
      failed.push(`check: ${part.name}`);
    }
  }
}

function selectGroups(): TestGroup[] {
  const packages = readdirSync(`${repositoryRoot}/packages`).map((name) => `packages/${name}`);
  const all = [...packages.sort(), "configs", "scripts", "bench"];
  // e2e comes last: what it finds is clearer once the parts are known to be right.
  all.sort((a, b) => Number(a.endsWith("/e2e")) - Number(b.endsWith("/e2e")));
  for (const folder of folders) {
    if (!all.includes(folder))
      failed.push(`${folder}: no such folder of tests (${all.join(", ")})`);
  }
  return all
    .filter((folder) => folders.length === 0 || folders.includes(folder))
    .map((folder) => ({ folder, files: findFiles(folder, "**/*.test.ts") }))
    .filter((group) => group.files.length > 0);
}

async function runGroups(groups: readonly TestGroup[]): Promise<void> {
  for (const group of groups) {
    if (interrupt.signal.aborted) return;
    heading(`${group.folder} (${group.files.length} files)`);
    const result = await runGroup(group, { signal: interrupt.signal, limitMs: groupLimitMs });
    passed += result.passed;
    failed.push(...result.failed);
    const seconds = (result.durationMs / 1000).toFixed(1);
    console.log(
      `${group.folder}: ${result.passed} passed, ${result.failed.length} failed, ${seconds} s`,
    );
  }
}

function heading(title: string): void {
  console.log(`\n── ${title}`);
}
