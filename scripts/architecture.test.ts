import { describe, expect, test } from "bun:test";
import { dirname, join, resolve } from "node:path";
import {
  forbiddenDependencies,
  packageLevels,
  readManifests,
  testPackage,
} from "./lib/package-order.ts";
import { findFiles, repositoryRoot } from "./lib/repository.ts";

const order = packageLevels.flat();
const manifests = await readManifests();
const folders = findFiles("packages", "*/package.json").map((file) => dirname(file));

describe("every package", () => {
  test("stands in the order", () => {
    const known = [...order, testPackage];
    expect(manifests.map(({ name }) => name).filter((name) => !known.includes(name))).toEqual([]);
  });

  test("has the name of its folder, a description and an index", async () => {
    for (const folder of folders) {
      const name = folder.slice("packages/".length);
      const manifest = manifests.find((candidate) => candidate.name === name);
      expect(manifest, `${folder}/package.json is named @catena/${name}`).toBeDefined();
      expect(manifest?.description, `${folder}/package.json has a description`).not.toBe("");
      const index = Bun.file(join(repositoryRoot, folder, "src/index.ts"));
      expect(await index.exists(), `${folder}/src/index.ts exists`).toBe(true);
    }
  });

  test("depends only on packages before it", () => {
    const wrong = manifests.flatMap(({ name, dependencies, devDependencies }) => {
      const before = name === testPackage ? [] : order.slice(0, order.indexOf(name));
      return [
        ...dependencies.filter((used) => !before.includes(used)),
        ...devDependencies.filter((used) => used !== testPackage && !before.includes(used)),
      ].map((used) => `${name} -> ${used}`);
    });
    expect(wrong).toEqual([]);
  });
});

test("only tests use the test package", () => {
  const users = manifests.filter(({ dependencies }) => dependencies.includes(testPackage));
  expect(users.map(({ name }) => name)).toEqual([]);
});

test.each(forbiddenDependencies)("%s never depends on %s", (user, used) => {
  const seen = new Set<string>();
  const visit = (name: string) => {
    if (seen.has(name)) return;
    seen.add(name);
    manifests.find((manifest) => manifest.name === name)?.dependencies.forEach(visit);
  };
  visit(user);
  expect([...seen]).not.toContain(used);
});

test("no file reaches into another package by a relative path", async () => {
  const specifier = /\b(?:from|import)\s*\(?\s*"(\.[^"]*)"/g;
  const escapes: string[] = [];
  for (const file of findFiles("packages", "**/*.ts")) {
    const home = resolve(repositoryRoot, file.split("/").slice(0, 2).join("/"));
    const text = await Bun.file(join(repositoryRoot, file)).text();
    for (const [, path = ""] of text.matchAll(specifier)) {
      const target = resolve(repositoryRoot, dirname(file), path);
      if (!target.startsWith(`${home}/`)) escapes.push(`${file}: ${path}`);
    }
  }
  expect(escapes).toEqual([]);
});

test("ARCHITECTURE.md lists the packages in this order", async () => {
  const text = await Bun.file(join(repositoryRoot, "ARCHITECTURE.md")).text();
  const rows = [...text.matchAll(/^\| `([a-z0-9-]+)` +\|/gm)].map(([, name]) => name);
  const existing = order.filter((name) => manifests.some((manifest) => manifest.name === name));
  expect(rows).toEqual([...existing, testPackage]);
});
