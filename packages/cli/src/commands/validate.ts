import type { Command } from "../command.ts";
import { loadFromArguments, targetOption } from "./load-from-arguments.ts";

export const validateCommand: Command = {
  name: "validate",
  summary: "check configs without writing anything",
  usage: "[FILE|FOLDER …]",
  options: targetOption,
  run: async (args, context) => {
    const loaded = await loadFromArguments(args, context);
    if (loaded === null) return 1;
    const { output } = context;
    output.out(
      `${output.style.green("valid")}: ${loaded.resources.length} resources in ${loaded.files} files`,
    );
    return 0;
  },
};
