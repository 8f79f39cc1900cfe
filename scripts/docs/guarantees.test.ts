import { expect, test } from "bun:test";
import { join } from "node:path";
import { repositoryRoot } from "../lib/repository.ts";
import { readPages } from "./page.ts";

const page = (await readPages()).find(({ path }) => path === "docs/guarantees.md");

/** `[name of a test](../packages/…/x.test.ts)` */
const shown = [...(page?.text ?? "").matchAll(/\[([^\]]+)\]\(\.\.\/([^)]+\.test\.ts)\)/g)].map(
  ([, name = "", file = ""]) => [name, file] as const,
);

test("every row of the page names a test", () => {
  const rows = (page?.text ?? "").split("\n").filter((line) => line.startsWith("| "));
  const heads = rows.filter((row) => /^\| (guarantee|-+) /.test(row));
  expect(shown).toHaveLength(rows.length - heads.length);
  expect(shown.length).toBeGreaterThan(40);
});

test.each(shown)("%s", async (name, file) => {
  const text = await Bun.file(join(repositoryRoot, file)).text();
  // `test("…", `, `describe("…", ` and `test.each(rows)("…", `.
  expect(
    new RegExp(`(?:\\b(?:test|describe)|\\))\\(${RegExp.escape(JSON.stringify(name))},`).test(text),
  ).toBe(true);
});
