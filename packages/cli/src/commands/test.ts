import type { Command } from "../command.ts";
import { findTestFiles } from "../config/find-files.ts";
import { reportIssues } from "../report.ts";
import { formatTestedFile, formatTotals, testsToJson } from "../test/format-tests.ts";
import { runRecording } from "../test/run-recording.ts";
import { runSpec } from "../test/run-spec.ts";
import { hasPassed, type TestedFile } from "../test/tested-file.ts";
import { defaultPaths } from "./load-from-arguments.ts";

export const testCommand: Command = {
  name: "test",
  summary: "run chains offline: the cases of *.spec.ts files, and *.recording.json files",
  usage: "[FILE|FOLDER …]",
  options: {
    only: {
      type: "string",
      placeholder: "TEXT",
      help: "run the cases whose name has this in it",
    },
    json: { type: "boolean", help: "print results as JSON" },
  },
  run: async (args, { output }) => {
    const paths = args.positionals.length > 0 ? args.positionals : defaultPaths;
    const { value: files, issues } = findTestFiles(paths);
    if (files === undefined) {
      reportIssues(issues, output);
      return 1;
    }
    const isJson = args.flag("json");
    const only = args.text("only");
    const tested: TestedFile[] = [];
    for (const { path, kind } of files) {
      const one = kind === "spec" ? await runSpec(path, only) : await runRecording(path, only);
      if (one.cases.length + one.issues.length === 0) continue;
      tested.push(one);
      if (!isJson) output.out(formatTestedFile(one, output.style));
    }
    output.out(
      isJson
        ? JSON.stringify(testsToJson(tested), null, 2)
        : `\n${formatTotals(tested, output.style)}`,
    );
    return tested.length > 0 && tested.every(hasPassed) ? 0 : 1;
  },
};
