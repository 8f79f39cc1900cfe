import type { Settings } from "@catena/gateway";
import { type OptionSpecs, type ParsedArguments, usageErrors } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import { type PreparedDeploy, prepareDeploy } from "../deploy/deploy.ts";
import { deploymentName } from "../deploy/deployment-record.ts";
import { formatPlan } from "../deploy/format-plan.ts";
import { reportIssues } from "../report.ts";
import { loadSettings, storeOptions } from "../settings/load-settings.ts";
import { openConfiguredStore } from "../settings/open-configured-store.ts";
import { loadFromArguments, targetOption } from "./load-from-arguments.ts";

const options: OptionSpecs = {
  ...storeOptions,
  ...targetOption,
  name: {
    type: "string",
    placeholder: "NAME",
    help: "names this set of configs, for --prune; default: default",
  },
  "dry-run": { type: "boolean", help: "show the plan and write nothing" },
  prune: { type: "boolean", help: "delete what this set once deployed and no longer has" },
  force: { type: "boolean", help: "also write what refers to something that does not exist" },
  yes: { type: "boolean", short: "y", help: "do not ask" },
};

export const deployCommand: Command = {
  name: "deploy",
  summary: "compile configs, show what would change, and write it to the store, all or nothing",
  usage: "[FILE|FOLDER …]",
  options,
  run: async (args, context) => {
    const name = args.text("name") ?? "default";
    if (!deploymentName.test(name)) {
      const reason = `--name ${name} is not a name; expected letters, digits, ".", "_" and "-"`;
      throw usageErrors.USAGE({ reason, command: "deploy" });
    }
    const { value: settings, issues } = await loadSettings(args, context);
    if (settings === undefined) {
      reportIssues(issues, context.output);
      return 1;
    }
    const loaded = await loadFromArguments(
      args,
      context,
      new Set(Object.keys(settings.resolver.hosts)),
    );
    if (loaded === null) return 1;
    const store = openConfiguredStore(settings.store);
    try {
      const prepared = await prepareDeploy(loaded.resources, {
        store,
        prefix: settings.prefix,
        name,
        prune: args.flag("prune"),
        keyring: settings.keyring,
        now: Math.floor(Date.now() / 1000),
      });
      return await carryOut(prepared, args, context, settings);
    } finally {
      await store.close();
    }
  },
};

async function carryOut(
  prepared: PreparedDeploy,
  args: ParsedArguments,
  { output, confirm }: CommandContext,
  settings: Settings,
): Promise<number> {
  const { plan, issues } = prepared;
  output.out(formatPlan(plan, output.style));
  if (issues.length > 0 && !args.flag("force")) {
    reportIssues(issues, output);
    return 1;
  }
  if (args.flag("dry-run")) return 0;
  const deletes = plan.changes.filter((change) => change.action === "delete").length;
  if (plan.changes.length > 0 && !args.flag("yes")) {
    const answer = await confirm(`Write this to ${settings.store}?`);
    if (answer === false) {
      output.err("nothing was written");
      return 1;
    }
    if (answer === null && deletes > 0) {
      output.err(`nothing was written: ${deletes} deletions need --yes when nobody can be asked`);
      return 1;
    }
  }
  const revision = await prepared.commit();
  output.out(
    revision === null
      ? "nothing to do"
      : `${output.style.green("deployed")}: revision ${revision} of ${settings.store}`,
  );
  return 0;
}
