import { usageErrors } from "../arguments.ts";
import type { Command } from "../command.ts";
import { chooseChains, findChains } from "../explain/find-chains.ts";
import { chainsToJson, chainsToMermaid, chainsToText } from "../explain/format-chains.ts";
import { reportIssues } from "../report.ts";
import { defaultPaths, loadFromArguments } from "./load-from-arguments.ts";

const formats = ["text", "json", "mermaid"] as const;

export const explainCommand: Command = {
  name: "explain",
  summary: "show the plan of chains: what runs at the same time, what waits for what and why",
  usage: "[FILE|FOLDER …]",
  options: {
    format: {
      type: "string",
      placeholder: "FORMAT",
      help: "text (default), json, or mermaid: a diagram",
    },
    chain: { type: "string", placeholder: "NAME", help: "only this one, by its id or its route's" },
  },
  run: async (args, context) => {
    const { output } = context;
    const given = args.text("format") ?? "text";
    const format = formats.find((one) => one === given);
    if (format === undefined) {
      const reason = `--format ${given} is not known; expected ${formats.join(", ")}`;
      throw usageErrors.USAGE({ reason, command: "explain" });
    }
    const loaded = await loadFromArguments(args, context);
    if (loaded === null) return 1;
    const places = args.positionals.length > 0 ? args.positionals : defaultPaths;
    const found = findChains(loaded.resources);
    const chosen = chooseChains(found.chains, args.text("chain"), places);
    const issues = [...found.issues, ...chosen.issues];
    if (issues.length > 0) {
      reportIssues(issues, output);
      return 1;
    }
    const { chains } = chosen;
    if (format === "text") output.out(chainsToText(chains, output.style));
    else if (format === "mermaid") output.out(chainsToMermaid(chains));
    else output.out(JSON.stringify(chainsToJson(chains), null, 2));
    return 0;
  },
};
