import { generateClient } from "@catena/openapi";
import { loadServed, servedOptions } from "../client/served-resources.ts";
import { writeGenerated } from "../client/write-generated.ts";
import type { Command } from "../command.ts";

export const clientCommand: Command = {
  name: "client",
  summary: "write a typed client of what chains serve: one TypeScript module that uses fetch",
  usage: "[FILE|FOLDER …]",
  options: {
    out: { type: "string", placeholder: "FILE", help: "write it there instead of printing" },
    all: { type: "boolean", help: "also routes without a chain, whose replies nobody described" },
    ...servedOptions,
    force: { type: "boolean", help: "also over a file that is no generated client" },
  },
  run: async (args, context) => {
    const served = await loadServed("client", args, context);
    if (served === null) return 1;
    const { resources, hasPathParameters } = served;
    const options = { hasPathParameters, includeProxied: args.flag("all") };
    const text = generateClient(resources, options);
    const file = args.text("out");
    if (file === undefined) {
      context.output.out(text.trimEnd());
      return 0;
    }
    const firstLine = text.slice(0, text.indexOf("\n"));
    writeGenerated(
      {
        file,
        text,
        isGenerated: (before) => before.startsWith(firstLine),
        otherwise: "no generated client",
      },
      context.cwd,
      args.flag("force"),
    );
    context.output.out(file);
    return 0;
  },
};
