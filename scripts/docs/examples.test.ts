import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
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
  json: [
    "output",
    "compiled",
    "plugin",
    "routes",
    "services",
    "upstreams",
    "consumers",
    "credentials",
    "secrets",
    "ssls",
  ],
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

const folder = mkdtempSync(join(tmpdir(), "catena-docs-"));
const files: readonly ExampleFile[] = writeExamples(
  folder,
  named("ts").map(([, block]) => block),
);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("TypeScript", () => {
  let diagnostics: ReadonlyMap<string, readonly string[]> = new Map();
  beforeAll(async () => {
    diagnostics = await checkTypes(folder, files);
  });

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
    if (file.path.endsWith(".test.ts")) {
      expect(await runTests(file.path)).toEqual({ code: 0, failed: "" });
      return;
    }
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

/** Runs a block that is a test file. */
async function runTests(path: string): Promise<{ code: number; failed: string }> {
  const child = Bun.spawn(["bun", "test", path], {
    cwd: dirname(path),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const [output, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  return { code, failed: code === 0 ? "" : output };
}

/** The resources that the block before a `compiled` one becomes, each with its id. */
async function compiledBefore(block: CodeBlock): Promise<readonly object[]> {
  const before = blocks.slice(0, blocks.indexOf(block));
  const source = before.findLast(
    ({ page, language }) => page === block.page && /^(ts|yaml)$/.test(language),
  );
  if (source?.language === "yaml") {
    const { value } = importManifests(source.text, { file: source.page });
    return value?.resources.map(({ id, value: fields }) => ({ id, ...fields })) ?? [];
  }
  const file = files.find((candidate) => candidate.block === source);
  const { value } = compile(await import(file?.path ?? ""), { registry });
  return value?.map((resource) => resource.value) ?? [];
}

describe("JSON", () => {
  test.each(named("json"))("%s", async (_, block) => {
    const value: unknown = JSON.parse(block.text.replaceAll(/^…$/gm, ""));
    if (block.tags.includes("compiled")) {
      expect(await compiledBefore(block)).toContainEqual(Object(value));
    }
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
