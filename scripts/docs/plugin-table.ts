import { plugins } from "@catena/plugins";
import { replaceSection } from "./generated-section.ts";
import { markdownTable } from "./markdown-table.ts";
import { schemaFields } from "./schema-fields.ts";

/** Writes docs/plugins.md's parts that follow from the registry: the list, and each one's fields. */
export function writePlugins(text: string): string {
  const listed = plugins.registry.plugins;
  const rows = listed.map(({ name, priority, type }) => [
    `[\`${name}\`](#${name})`,
    String(priority),
    type === "auth" ? "identifies consumers" : "",
  ]);
  const list = markdownTable(["plugin", "priority", ""], rows);
  const details = listed
    .toSorted((a, b) => a.name.localeCompare(b.name, "en"))
    .map(({ name, schema, consumerSchema }) =>
      [
        `### ${name}`,
        fieldTable(schema),
        ...(consumerSchema === undefined
          ? []
          : ["On a consumer or credential:", fieldTable(consumerSchema)]),
      ].join("\n\n"),
    );
  const withList = replaceSection(text, "plugins", list);
  return replaceSection(withList, "fields", details.join("\n\n"));
}

function fieldTable(schema: Parameters<typeof schemaFields>[0]): string {
  const fields = schemaFields(schema);
  if (fields.length === 0) return "No fields of its own.";
  return markdownTable(
    ["field", "type", "default", "meaning"],
    fields.map(({ path, type, isRequired, defaultText, description }) => [
      `\`${path}\``,
      `\`${type}\``,
      isRequired ? "required" : defaultText === "" ? "" : `\`${defaultText}\``,
      description,
    ]),
  );
}
