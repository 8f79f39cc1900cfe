export { type ImportedManifests, type ImportOptions, importManifests } from "./import-manifests.ts";
export type { ImportedResource } from "./translate/translation.ts";
