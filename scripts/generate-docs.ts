/**
 * Writes the parts of the documentation that follow from the code. With `--check` it writes nothing
 * and ends with code 1 when a file is not what it would write.
 */
import { join } from "node:path";
import { writeCommands } from "./docs/command-table.ts";
import { writeCompatibility } from "./docs/compatibility/compatibility-table.ts";
import { writeErrors } from "./docs/error-table.ts";
import { writeChainSchema } from "./docs/json-schema.ts";
import { writeOperators } from "./docs/operator-table.ts";
import { writePackageTable } from "./docs/package-table.ts";
import { writePlugins } from "./docs/plugin-table.ts";
import { writeSettings } from "./docs/settings-table.ts";
import { repositoryRoot } from "./lib/repository.ts";

/** From a file's present text to its new one. */
type Writer = (text: string) => string | Promise<string>;

const writers: Readonly<Record<string, Writer>> = {
  "ARCHITECTURE.md": writePackageTable,
  "docs/apisix-compatibility.md": writeCompatibility,
  "docs/cli.md": writeCommands,
  "docs/errors.md": writeErrors,
  "docs/plugins.md": writePlugins,
  "docs/schemas/chain.json": writeChainSchema,
  "docs/settings.md": writeSettings,
  "docs/values.md": writeOperators,
};

const isCheck = process.argv.includes("--check");
const stale: string[] = [];
for (const [path, write] of Object.entries(writers)) {
  const file = Bun.file(join(repositoryRoot, path));
  const before = (await file.exists()) ? await file.text() : "";
  const after = await write(before);
  if (after === before) continue;
  stale.push(path);
  if (!isCheck) await file.write(after);
}
for (const path of stale) console.log(isCheck ? `${path} is stale` : `wrote ${path}`);
process.exit(isCheck && stale.length > 0 ? 1 : 0);
