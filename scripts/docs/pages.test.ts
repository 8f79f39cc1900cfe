import { describe, expect, test } from "bun:test";
import { findMismatch } from "./match-output.ts";
import { type CodeBlock, fileOf, type Page, placeOf, readPages } from "./page.ts";
import { openSandbox, type Sandbox } from "./sandbox.ts";

const pageLimitMs = 240_000;

/** Pages with commands that are run, each beside a running `scripts/up` of its own. */
const pages = (await readPages()).filter(({ blocks }) => blocks.some(isRun));

function isRun({ language, tags }: CodeBlock): boolean {
  return language === "sh" && (tags.includes("run") || tags.includes("up"));
}

describe("the commands of a page do what it says", () => {
  test.each(pages.map((page) => [page.path, page] as const))(
    "%s",
    async (_, page) => {
      const up = page.blocks.find(({ tags }) => tags.includes("up"))?.text.trim() ?? "./scripts/up";
      const sandbox = await openSandbox(up);
      let code = -1;
      try {
        await runPage(page, sandbox);
      } finally {
        code = await sandbox.stop();
      }
      expect(code).toBe(0);
    },
    pageLimitMs,
  );
});

async function runPage({ blocks }: Page, sandbox: Sandbox): Promise<void> {
  let printed = "";
  for (const block of blocks) {
    const file = fileOf(block);
    if (file !== undefined) sandbox.write(file, block.text);
    if (block.tags.includes("up")) printed = sandbox.upOutput();
    if (block.tags.includes("run")) {
      const { code, output } = await sandbox.run(block.text);
      if (code !== 0) throw new Error(`${placeOf(block)} ended with code ${code}\n${output}`);
      printed = output;
    }
    if (block.tags.includes("output") && block.language === "json") {
      // The members shown; there may be more.
      expect(JSON.parse(printed)).toMatchObject(JSON.parse(block.text));
    } else if (block.tags.includes("output")) {
      const mismatch = findMismatch(block.text, printed);
      if (mismatch !== null) {
        throw new Error(`${placeOf(block)} shows "${mismatch}", but the output is\n${printed}`);
      }
    }
  }
}
