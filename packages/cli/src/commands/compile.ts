import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CompiledResource } from "@catena/dsl";
import type { OptionSpecs } from "../arguments.ts";
import type { Command } from "../command.ts";
import { toListItem } from "../config/read-resource-list.ts";
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
    const documents = byKind(loaded.resources);
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

/** `{"routes": [{"id": …}], …}`: what {@link readResourceList} takes. */
function byKind(resources: readonly CompiledResource[]): Record<string, unknown[]> {
  const documents: Record<string, unknown[]> = {};
  for (const resource of resources) {
    const list = documents[resource.kind] ?? [];
    documents[resource.kind] = list;
    list.push(toListItem(resource));
  }
  return documents;
}
