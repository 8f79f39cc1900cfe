import { readFileSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { CompiledResource } from "@catena/dsl";
import { type Issue, isGatewayError } from "@catena/errors";
import {
  type Difference,
  expectAsRecorded,
  parseRecording,
  type Recording,
  testResources,
} from "@catena/testing";
import { loadConfig } from "../config/load-config.ts";
import type { TestedCase, TestedFile, TestFailure } from "./tested-file.ts";

/**
 * Replays a recording against the configs it was made of.
 *
 * @param only nothing is done unless the case's name has this in it.
 */
export async function runRecording(file: string, only = ""): Promise<TestedFile> {
  const read = readRecording(file);
  if ("issue" in read) return { file, cases: [], issues: [read.issue] };
  const { recording } = read;
  const name = `${recording.chain} answers as recorded`;
  if (!name.includes(only)) return { file, cases: [], issues: [] };
  const paths = (recording.configs ?? ["."]).map((path) =>
    isAbsolute(path) ? path : join(dirname(file), path),
  );
  const { value, issues } = await loadConfig(paths, { target: "catena", knownHosts: new Set() });
  if (value === undefined) return { file, cases: [], issues };
  const startMs = performance.now();
  const replayed = await replay(recording, value.resources, file);
  return {
    file,
    cases: [{ name, durationMs: performance.now() - startMs, ...replayed }],
    issues: [],
  };
}

function readRecording(
  file: string,
): { readonly recording: Recording } | { readonly issue: Issue } {
  try {
    return { recording: parseRecording(JSON.parse(readFileSync(file, "utf8"))) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const code = isGatewayError(error) ? error.code : "TEST_UNREADABLE";
    return { issue: { path: "", code, message, source: startOf(file) } };
  }
}

async function replay(
  recording: Recording,
  resources: readonly CompiledResource[],
  file: string,
): Promise<Pick<TestedCase, "failures" | "happened">> {
  let happened: string | null = null;
  try {
    const test = testResources(resources, { route: recording.chain }).replay(recording);
    const result = await test.run(recording.request);
    happened = result.summary();
    expectAsRecorded(result, recording);
    return { failures: [], happened };
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    const { code, message, details } = error;
    const isUnmet = code === "TESTING_EXPECTATION";
    const failure: TestFailure = {
      source: startOf(file),
      part: "",
      message: isUnmet ? "not as recorded" : message,
      // Expectations that are not met carry where values differ.
      differences: isUnmet ? (details["differences"] as readonly Difference[]) : [],
    };
    return { failures: [failure], happened };
  }
}

function startOf(file: string) {
  return { file: resolve(file), line: 1, column: 1 };
}
