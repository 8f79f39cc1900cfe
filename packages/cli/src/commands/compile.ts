import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OptionSpecs } from "../arguments.ts";
import type { Command } from "../command.ts";
import { listByKind } from "../list-by-kind.ts";
import { loadFromArguments, targetOption } from "./load-from-arguments.ts";

const options: OptionSpecs = {
  ...targetOption,
  out: { type: "string", placeholder: "FOLDER", help: "write a file per kind instead of printing" },
};

export const compileCommand: Command = {
  name: "compile",
  summary: "print configs as APISIX-compatible JSON",
  usage: "[FILE|FOLDER …]",
  options,
  run: async (args, context) => {
    const loaded = await loadFromArguments(args, context);
    if (loaded === null) return 1;
    const documents = listByKind(loaded.resources);
    const folder = args.text("out");
    if (folder === undefined) {
      context.output.out(JSON.stringify(documents, null, 2));
      return 0;
    }
    mkdirSync(folder, { recursive: true });
    for (const [kind, values] of Object.entries(documents)) {
      const file = join(folder, `${kind}.json`);
      writeFileSync(file, `${JSON.stringify({ [kind]: values }, null, 2)}\n`);
      context.output.out(file);
    }
    return 0;
  },
};
