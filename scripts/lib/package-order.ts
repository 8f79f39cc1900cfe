import { readdirSync } from "node:fs";
import { repositoryRoot } from "./repository.ts";

/**
 * The packages in their one order. A package may depend on those before it: on earlier levels, and
 * on those to its left on its own.
 */
export const packageLevels: readonly (readonly string[])[] = [
  ["errors", "json", "http"],
  ["schema", "ir", "expr", "router"],
  ["store", "upstream"],
  ["pipeline"],
  ["chain", "server"],
  ["plugins"],
  ["dsl", "source-check", "openapi", "gateway", "admin", "importers"],
  ["testing", "cli"],
  ["e2e"],
];

/** Stands outside the order: only tests use it, and it uses no other package. */
export const testPackage = "testkit";

/**
 * Pairs the order allows and the architecture does not: configuration reaches the gateway only as
 * JSON through a store, and authoring touches no store.
 */
export const forbiddenDependencies: readonly (readonly [user: string, used: string])[] = [
  ["gateway", "dsl"],
  ["dsl", "store"],
];

export interface PackageManifest {
  /** Without the scope; also its folder's name. */
  readonly name: string;
  readonly description: string;
  /** Names of packages of this repository, without the scope. */
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
}

/** Reads every package of `packages/`, sorted by name. */
export async function readManifests(): Promise<PackageManifest[]> {
  const folders = readdirSync(`${repositoryRoot}/packages`).sort();
  return Promise.all(folders.map(readManifest));
}

interface ManifestFile {
  readonly name?: string;
  readonly description?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

async function readManifest(folder: string): Promise<PackageManifest> {
  // Every field is optional here, and npm and Bun refuse a manifest in which they have another type.
  const manifest = (await Bun.file(
    `${repositoryRoot}/packages/${folder}/package.json`,
  ).json()) as ManifestFile;
  return {
    name: (manifest.name ?? "").replace(/^@catena\//, ""),
    description: manifest.description ?? "",
    dependencies: ownPackages(manifest.dependencies),
    devDependencies: ownPackages(manifest.devDependencies),
  };
}

function ownPackages(dependencies: Readonly<Record<string, string>> = {}): string[] {
  return Object.keys(dependencies)
    .filter((name) => name.startsWith("@catena/"))
    .map((name) => name.slice("@catena/".length));
}
