import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "@catena/dsl";
import { formatIssue } from "@catena/errors";
import { importManifests } from "@catena/importers";
import { plugins } from "@catena/plugins";
import { isKind, parseResource } from "@catena/schema";
import { checkTypes, type ExampleFile, writeExamples } from "./example-files.ts";
import { type CodeBlock, fileOf, placeOf, readPages } from "./page.ts";

const { registry } = plugins;
const blocks = (await readPages()).flatMap((page) => page.blocks);

/** What a block's fence may say after the language, by language. */
const knownTags: Readonly<Record<string, readonly string[]>> = {
  ts: ["refused"],
  json: ["output", "plugin", "routes", "services", "upstreams", "consumers", "credentials"],
  yaml: [],
  sh: ["run", "up"],
  text: ["output", "issues"],
  mermaid: [],
};

function named(language: string, tag?: string): (readonly [string, CodeBlock])[] {
  return blocks
    .filter((block) => block.language === language)
    .filter((block) => tag === undefined || block.tags.includes(tag))
    .map((block) => [placeOf(block), block]);
}

test("every block says what it is", () => {
  const wrong = blocks.filter(
    (block) =>
      !(block.language in knownTags) ||
      block.tags.some((tag) => tag !== fileOf(block) && !knownTags[block.language]?.includes(tag)),
  );
  expect(wrong.map((block) => `${placeOf(block)} ${block.language} ${block.tags}`)).toEqual([]);
});

describe("TypeScript", () => {
  const folder = mkdtempSync(join(tmpdir(), "catena-docs-"));
  let files: ExampleFile[] = [];
  let diagnostics: ReadonlyMap<string, readonly string[]> = new Map();
  beforeAll(async () => {
    files = writeExamples(
      folder,
      named("ts").map(([, block]) => block),
    );
    diagnostics = await checkTypes(folder, files);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(named("ts"))("%s", async (place, block) => {
    const types = diagnostics.get(place) ?? [];
    const file = files.find((candidate) => candidate.block === block)!;
    if (block.tags.includes("refused")) {
      const found = types.length > 0 ? types : await findIssues(file.path);
      expect(found.join("\n")).not.toBe("");
      for (const line of expectedIssues(block)) expect(found.join("\n")).toContain(line);
      return;
    }
    expect(types).toEqual([]);
    if (block.text.includes('from "@catena/dsl"')) expect(await findIssues(file.path)).toEqual([]);
  });
});

/** What compiling a config file finds; a module that throws has found something too. */
async function findIssues(path: string): Promise<string[]> {
  try {
    return compile(await import(path), { registry }).issues.map(formatIssue);
  } catch (error) {
    return [String(error)];
  }
}

/** Lines of the `text issues` block that follows a refused one; each must be in what is reported. */
function expectedIssues(block: CodeBlock): string[] {
  const next = blocks[blocks.indexOf(block) + 1];
  if (next?.page !== block.page || !next.tags.includes("issues")) return [];
  return next.text.split("\n").filter((line) => line !== "");
}

describe("JSON", () => {
  test.each(named("json"))("%s", (_, block) => {
    const value: unknown = JSON.parse(block.text.replaceAll(/^…$/gm, ""));
    const kind = block.tags.find(isKind);
    if (kind !== undefined) {
      expect(
        parseResource(kind, value, { id: "example", registry }).issues.map(formatIssue),
      ).toEqual([]);
    }
    if (block.tags.includes("plugin")) {
      const route = { uri: "/", plugins: value, upstream: { nodes: { "127.0.0.1:80": 1 } } };
      expect(parseResource("routes", route, { id: "x", registry }).issues.map(formatIssue)).toEqual(
        [],
      );
    }
  });
});

test.each(named("yaml"))("%s is a manifest that is imported", (place, { text }) => {
  const { value, issues } = importManifests(text, { file: place });
  expect(issues.map(formatIssue)).toEqual([]);
  expect(value?.resources).not.toEqual([]);
});

test.each(named("sh"))("%s is a shell's", async (_, { text }) => {
  const child = Bun.spawn(["bash", "-n"], { stdin: Buffer.from(text), stderr: "pipe" });
  expect(await new Response(child.stderr).text()).toBe("");
  expect(await child.exited).toBe(0);
});
