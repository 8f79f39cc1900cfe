import { readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { type Issue, isGatewayError } from "@catena/errors";
import {
  type Difference,
  expectAsRecorded,
  parseRecording,
  type Recording,
  testResources,
} from "@catena/testing";
import { loadConfig } from "../config/load-config.ts";
import type { TestedFile } from "./tested-file.ts";

/** Replays a recording against the configs it was made of. */
export async function runRecording(file: string): Promise<TestedFile> {
  const read = readRecording(file);
  if ("issue" in read) return { file, cases: [], issues: [read.issue] };
  const { recording } = read;
  const folder = dirname(file);
  const paths = (recording.configs ?? ["."]).map((path) => join(folder, path));
  const { value, issues } = await loadConfig(paths, { target: "catena", knownHosts: new Set() });
  if (value === undefined) return { file, cases: [], issues };
  const startMs = performance.now();
  const run = { happened: "", error: null as unknown };
  try {
    const test = testResources(value.resources, { route: recording.chain }).replay(recording);
    const result = await test.run(recording.request);
    run.happened = result.summary();
    expectAsRecorded(result, recording);
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    run.error = error;
  }
  const one = {
    name: `${recording.chain} answers as recorded`,
    durationMs: performance.now() - startMs,
    failures: run.error === null ? [] : [failureOf(run.error, file)],
    happened: run.happened === "" ? null : run.happened,
  };
  return { file, cases: [one], issues: [] };
}

function readRecording(
  file: string,
): { readonly recording: Recording } | { readonly issue: Issue } {
  try {
    return { recording: parseRecording(JSON.parse(readFileSync(file, "utf8"))) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const code = isGatewayError(error) ? error.code : "TEST_UNREADABLE";
    const message = `${basename(file)}: ${reason}`;
    return {
      issue: { path: "", code, message, source: { file: resolve(file), line: 1, column: 1 } },
    };
  }
}

function failureOf(error: unknown, file: string) {
  const details = isGatewayError(error) ? error.details : {};
  const isUnmet = isGatewayError(error, "TESTING_EXPECTATION");
  return {
    source: { file: resolve(file), line: 1, column: 1 },
    part: "",
    message: isUnmet ? "not as recorded" : error instanceof Error ? error.message : String(error),
    // Expectations that are not met carry where values differ.
    differences: isUnmet ? (details["differences"] as readonly Difference[]) : [],
  };
}
