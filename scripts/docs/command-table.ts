import { type Command, commands } from "@catena/cli";
import { replaceSection } from "./generated-section.ts";
import { markdownTable } from "./markdown-table.ts";

/** Writes docs/cli.md's list of commands, with the options of each. */
export function writeCommands(text: string): string {
  return replaceSection(text, "commands", commands.map(section).join("\n\n"));
}

function section({ name, usage, summary, options }: Command): string {
  const rows = Object.entries(options).map(([option, { short, placeholder, help }]) => {
    const long = `--${option}${placeholder === undefined ? "" : ` ${placeholder}`}`;
    return [`\`${short === undefined ? long : `-${short}, ${long}`}\``, help];
  });
  return [
    `### catena ${name}`,
    `\`${`catena ${name} ${usage}`.trimEnd()}\``,
    `${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}.`,
    ...(rows.length === 0 ? [] : [markdownTable(["option", ""], rows)]),
  ].join("\n\n");
}
