import { expect, test } from "bun:test";
import { fileOf, findBlocks } from "./page.ts";

test("blocks are found with their tags, indented ones too", () => {
  const text = [
    "# A",
    "```ts configs/a.ts",
    "a();",
    "```",
    "1. step",
    "",
    "   ```sh run",
    "   ls",
    "     -l",
    "   ```",
    "````md",
    "```",
    "````",
  ].join("\n");
  const blocks = findBlocks("p.md", text);
  expect(blocks.map(({ line, language, tags, text }) => [line, language, tags, text])).toEqual([
    [2, "ts", ["configs/a.ts"], "a();\n"],
    [7, "sh", ["run"], "ls\n  -l\n"],
    [11, "md", [], "```\n"],
  ]);
  expect(blocks.map(fileOf)).toEqual(["configs/a.ts", undefined, undefined]);
});

test("a block that is not closed is named", () => {
  expect(() => findBlocks("p.md", "x\n```ts\na")).toThrow("p.md:2: the block is not closed");
});
