import { defaultSettings, environmentNames, SettingsSchema } from "@catena/gateway";
import { replaceSection } from "./generated-section.ts";
import { markdownTable } from "./markdown-table.ts";
import { schemaFields } from "./schema-fields.ts";

/** Writes the table of docs/settings.md: every setting with its default and variable. */
export function writeSettings(text: string): string {
  const variables = Object.entries(environmentNames).map(([name, field]) => [field, name] as const);
  const rows = schemaFields(SettingsSchema)
    // A group of settings is told by its members.
    .filter(({ path }, _, all) => !all.some((other) => other.path.startsWith(`${path}.`)))
    .map(({ path, type, description }) => {
      const [top = ""] = path.split(".");
      const variable = variables.find(
        ([field]) => field === path || (field === top && isHosts(path)),
      );
      return [
        `\`${path}\``,
        `\`${type}\``,
        `\`${JSON.stringify(defaultOf(path))}\``,
        variable === undefined ? "" : `\`${variable[1]}\``,
        description,
      ];
    });
  const table = markdownTable(["setting", "type", "default", "variable", "meaning"], rows);
  return replaceSection(text, "settings", table);
}

/** The variable of `resolver` sets its hosts alone. */
function isHosts(path: string): boolean {
  return path === "resolver.hosts";
}

function defaultOf(path: string): unknown {
  let value: unknown = defaultSettings;
  for (const name of path.split(".")) {
    value = Object.entries(Object(value)).find(([key]) => key === name)?.[1];
  }
  return value;
}
