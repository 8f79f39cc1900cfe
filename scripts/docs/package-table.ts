import {
  type PackageManifest,
  packageLevels,
  readManifests,
  testPackage,
} from "../lib/package-order.ts";
import { replaceSection } from "./generated-section.ts";
import { markdownTable } from "./markdown-table.ts";

/** Writes ARCHITECTURE.md's table of packages: in their order, with what each may use. */
export async function writePackageTable(text: string): Promise<string> {
  const manifests = await readManifests();
  const rows = [...packageLevels.entries(), ["test", [testPackage]] as const].flatMap(
    ([level, names]) =>
      names.flatMap((name) => {
        const manifest = manifests.find((candidate) => candidate.name === name);
        return manifest === undefined ? [] : [tableRow(String(level), manifest)];
      }),
  );
  const table = markdownTable(["package", "level", "what it is", "uses"], rows);
  return replaceSection(text, "packages", table);
}

function tableRow(level: string, manifest: PackageManifest): string[] {
  const order = packageLevels.flat();
  const used = [...manifest.dependencies].sort((a, b) => order.indexOf(a) - order.indexOf(b));
  return [`\`${manifest.name}\``, level, manifest.description, used.join(", ")];
}
