import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { repositoryRoot } from "../lib/repository.ts";
import { type Page, readPages } from "./page.ts";

const pages = await readPages();

/** A page without its blocks of code. */
function proseOf({ text }: Page): string {
  return text.replaceAll(/^( *)(`{3,})[^\n]*\n[\s\S]*?\n\1\2$/gm, "");
}

/** Links of a page's prose that stay in the repository. */
function linksOf(page: Page): string[] {
  const prose = proseOf(page).replaceAll(/`[^`\n]*`/g, "");
  const found = [...prose.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g)];
  return found
    .map(([, markdown, html]) => markdown ?? html ?? "")
    .filter((link) => !/^[a-z]+:/.test(link));
}

/** The anchors GitHub gives a page's headings. */
function anchorsOf(page: Page): string[] {
  const prose = proseOf(page);
  return [...prose.matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(/\s/g, "-"),
  );
}

test.each(pages.map((page) => [page.path, page] as const))(
  "%s links to what exists",
  (path, page) => {
    const dead = linksOf(page).filter((link) => {
      const [target = "", anchor] = link.split("#");
      const file = target === "" ? path : normalize(join(dirname(path), target));
      if (!existsSync(join(repositoryRoot, file))) return true;
      const other = pages.find((candidate) => candidate.path === file);
      return anchor !== undefined && other !== undefined && !anchorsOf(other).includes(anchor);
    });
    expect(dead).toEqual([]);
  },
);

test.each(pages.map((page) => [page.path, page] as const))(
  "%s names functions that are where it says",
  async (path, page) => {
    const named = [...proseOf(page).matchAll(/\[`([A-Za-z]+)`\]\(([^)#]+\.ts)\)/g)];
    const missing: string[] = [];
    for (const [, name = "", target = ""] of named) {
      const file = Bun.file(join(repositoryRoot, dirname(path), target));
      if (
        !new RegExp(`\\b(?:function|class|const) ${name}\\b|^  ${name}\\(`, "m").test(
          await file.text(),
        )
      ) {
        missing.push(`${name} in ${target}`);
      }
    }
    expect(missing).toEqual([]);
  },
);

test("the index of the documentation names every page", () => {
  const index = pages.find(({ path }) => path === "docs/README.md");
  const linked = index === undefined ? [] : linksOf(index).map((link) => `docs/${link}`);
  const unlisted = pages
    .map(({ path }) => path)
    .filter((path) => path.startsWith("docs/") && path !== "docs/README.md")
    .filter((path) => !linked.includes(path));
  expect(unlisted).toEqual([]);
});
