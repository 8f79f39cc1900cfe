import { basename, join } from "node:path";
import { findFiles, repositoryRoot } from "../lib/repository.ts";

/** A fenced block of a page: `lang` and what follows it on the fence, as in `ts configs/orders.ts`. */
export interface CodeBlock {
  readonly page: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly tags: readonly string[];
  /** Ends with a line break; the fence's indentation is removed. */
  readonly text: string;
}

export interface Page {
  /** Relative to the repository's root. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly CodeBlock[];
}

/** README.md, ARCHITECTURE.md, CONTRIBUTING.md and every page of docs/. */
export async function readPages(): Promise<Page[]> {
  const paths = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    ...findFiles("docs", "**/*.md"),
  ];
  return Promise.all(
    paths.map(async (path) => {
      const text = await Bun.file(join(repositoryRoot, path)).text();
      return { path, text, blocks: findBlocks(path, text) };
    }),
  );
}

/**
 * Finds the fenced blocks of a Markdown text.
 *
 * @throws when a fence is not closed.
 */
export function findBlocks(page: string, text: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const lines = text.split("\n");
  for (let index = 0; index < lines.length; index++) {
    const opening = /^( *)(`{3,})([^`\n]*)$/.exec(lines[index] ?? "");
    if (opening === null) continue;
    const [, indent = "", fence = "", info = ""] = opening;
    const end = lines.findIndex((line, at) => at > index && line.trim() === fence);
    if (end < 0) throw new Error(`${page}:${index + 1}: the block is not closed`);
    const inner = lines.slice(index + 1, end);
    const [language = "", ...tags] = info.trim().split(/\s+/);
    blocks.push({
      page,
      line: index + 1,
      language,
      tags,
      text: inner.map((line) => `${line.replace(indent, "")}\n`).join(""),
    });
    index = end;
  }
  return blocks;
}

/** The file a block is to be written to, when its fence names one. */
export function fileOf({ tags }: CodeBlock): string | undefined {
  return tags.find((tag) => /^[\w./-]+\.[a-z]+$/.test(tag));
}

export function placeOf({ page, line }: CodeBlock): string {
  return `${page}:${line}`;
}

/** A folder name for a page's files: `docs/chains.md` gives `chains`. */
export function folderOf(page: string): string {
  return basename(page, ".md");
}
