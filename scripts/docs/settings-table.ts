import { defaultSettings, environmentVariables, SettingsSchema } from "@catena/gateway";
import { replaceSection } from "./generated-section.ts";
import { markdownTable } from "./markdown-table.ts";
import { schemaFields } from "./schema-fields.ts";

/** Writes the table of docs/settings.md: every setting with its default and variable. */
export function writeSettings(text: string): string {
  const fields = new Map(schemaFields(SettingsSchema).map((field) => [field.path, field]));
  const rows = environmentVariables.map(({ name, path }) => {
    const field = fields.get(path.join("."));
    if (field === undefined) throw new Error(`no setting is named ${path.join(".")}`);
    const { type, description } = field;
    return [
      `\`${field.path}\``,
      `\`${type}\``,
      `\`${JSON.stringify(defaultOf(path))}\``,
      `\`${name}\``,
      description,
    ];
  });
  const table = markdownTable(["setting", "type", "default", "variable", "meaning"], rows);
  return replaceSection(text, "settings", table);
}

function defaultOf(path: readonly string[]): unknown {
  let value: unknown = defaultSettings;
  for (const name of path) {
    value = Object.entries(Object(value)).find(([key]) => key === name)?.[1];
  }
  return value;
}
