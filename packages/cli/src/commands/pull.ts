import { join } from "node:path";
import { isKind, type Kind, kindNames } from "@catena/schema";
import { type ParsedArguments, usageErrors } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import { openStoreToRead } from "../pull/open-store-to-read.ts";
import { type Pulled, type PullOptions, pull, toConfigFiles } from "../pull/pull.ts";
import { writeFiles } from "../pull/write-files.ts";
import { reportIssues, reportNotes } from "../report.ts";
import { loadSettings, storeOptions } from "../settings/load-settings.ts";

export const pullCommand: Command = {
  name: "pull",
  summary: "write what the store has as config files that compile to it again",
  usage: "",
  options: {
    out: {
      type: "string",
      placeholder: "FOLDER|FILE",
      help: "write files there instead of printing one; a name with an extension is one file",
    },
    kind: {
      type: "string",
      placeholder: "KIND[,KIND]",
      help: "only these: routes, upstreams, consumers …",
    },
    json: { type: "boolean", help: "JSON, as catena compile prints it, in place of TypeScript" },
    secrets: {
      type: "boolean",
      help: "write secrets too, decrypted; files are for you alone then",
    },
    force: { type: "boolean", help: "also over files that are there" },
    ...storeOptions,
  },
  run: async (args, context) => {
    const { output } = context;
    const chosen = readOptions(args);
    const { value: settings, issues } = await loadSettings(args, context);
    if (settings === undefined) {
      reportIssues(issues, output);
      return 1;
    }
    const { prefix, keyring } = settings;
    const store = openStoreToRead(settings.store);
    let pulled: Pulled;
    try {
      pulled = await pull({ ...chosen, store, prefix, keyring });
    } finally {
      await store.close();
    }
    if (pulled.resources.length === 0 && pulled.missing.length === 0) {
      const what = chosen.kinds === null ? "resources" : [...chosen.kinds].join(", ");
      output.err(`${settings.store} has no ${what} under ${prefix}/`);
      return 1;
    }
    writeOut(pulled, chosen, args, context);
    report(pulled, chosen, context);
    return pulled.missing.length > 0 ? 1 : 0;
  },
};

type Chosen = Pick<PullOptions, "kinds" | "withSecrets" | "format">;

/** @throws USAGE */
function readOptions(args: ParsedArguments): Chosen {
  if (args.positionals.length > 0) {
    const reason = `pull takes no files, and ${args.positionals.join(", ")} was given; --out says where to`;
    throw usageErrors.USAGE({ reason, command: "pull" });
  }
  return {
    kinds: readKinds(args.text("kind")),
    withSecrets: args.flag("secrets"),
    format: args.flag("json") ? "json" : "typescript",
  };
}

function readKinds(text: string | undefined): ReadonlySet<Kind> | null {
  if (text === undefined) return null;
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.filter((name) => !isKind(name));
  if (unknown.length > 0) {
    const reason = `--kind ${unknown.join(",")} is not known; expected ${kindNames.join(", ")}`;
    throw usageErrors.USAGE({ reason, command: "pull" });
  }
  return new Set(names.filter(isKind));
}

function writeOut(
  pulled: Pulled,
  { format, withSecrets }: Chosen,
  args: ParsedArguments,
  { output, cwd }: CommandContext,
): void {
  const out = args.text("out");
  const isFile = out === undefined || /\.(ts|json)$/.test(out);
  const files = toConfigFiles(pulled, { file: isFile ? (out ?? "") : null, format });
  if (out === undefined) {
    for (const text of files.values()) output.out(text.trimEnd());
    return;
  }
  const placed = [...files].map(([path, text]) => [isFile ? path : join(out, path), text] as const);
  const force = args.flag("force");
  writeFiles(new Map(placed), { cwd, force, isSecret: withSecrets });
  for (const [path] of placed) output.out(path);
}

/** Says what is missing and what is left out; on standard error, since a config may be printed. */
function report(
  { leftOut, missing, notes }: Pulled,
  { format }: Chosen,
  { output }: CommandContext,
) {
  reportIssues(missing, output);
  reportNotes(notes, output);
  if (leftOut.length === 0) return;
  const what =
    format === "json"
      ? "secrets are left out, and are references now to variables of the gateway's environment:"
      : "secrets are left out; these variables have to be set when the files are compiled:";
  output.err(`${output.style.yellow("note")} ${what}`);
  for (const { resource, path, variable } of leftOut) {
    output.err(`  ${variable}  ${output.style.dim(`${resource} ${path}`)}`);
  }
  output.err("  with --secrets they are written");
}
