import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findConfigFiles, findTestFiles } from "./find-files.ts";

const folder = mkdtempSync(join(tmpdir(), "catena-files-"));
afterAll(() => rmSync(folder, { recursive: true }));
for (const name of [
  "b.ts",
  "a.ts",
  "a.test.ts",
  "a.spec.ts",
  "a.recording.json",
  "gateway.ts",
  "route.yaml",
  ".hidden.ts",
  "notes.txt",
  "sub/c.ts",
  "sub/c.spec.ts",
  "node_modules/d.ts",
]) {
  mkdirSync(join(folder, name, ".."), { recursive: true });
  writeFileSync(join(folder, name), "");
}

describe("findConfigFiles", () => {
  test("takes a folder's config files in a fixed order, without tests and settings", () => {
    const { value } = findConfigFiles([folder]);
    expect(value?.map((file) => file.path.slice(folder.length + 1))).toEqual([
      "a.ts",
      "b.ts",
      "route.yaml",
      "sub/c.ts",
    ]);
  });

  test("takes a named file whatever its name", () => {
    expect(findConfigFiles([join(folder, "a.test.ts")]).value).toHaveLength(1);
  });

  test.each([
    ["a path that is not there", "missing", "CONFIG_NOT_FOUND"],
    ["a file of another kind", "notes.txt", "CONFIG_FORMAT_UNKNOWN"],
  ])("refuses %s", (_name, name, code) => {
    expect(findConfigFiles([join(folder, name)]).issues).toMatchObject([{ code }]);
  });

  test("says when a folder holds no configs", () => {
    mkdirSync(join(folder, "empty"), { recursive: true });
    expect(findConfigFiles([join(folder, "empty")]).issues).toMatchObject([
      { code: "CONFIG_NOT_FOUND" },
    ]);
  });
});

describe("findTestFiles", () => {
  const found = (...paths: readonly string[]) =>
    findTestFiles(paths.map((path) => join(folder, path))).value?.map(
      ({ path, kind }) => `${kind} ${path.slice(folder.length + 1)}`,
    );

  test("takes a folder's cases and recordings in a fixed order, each once", () => {
    const all = ["recording a.recording.json", "spec a.spec.ts", "spec sub/c.spec.ts"];
    expect(found("")).toEqual(all);
    expect(found("", "a.spec.ts", "sub")).toEqual(all);
  });

  test("takes a named file whatever its name", () => {
    expect(found("b.ts", "a.recording.json")).toEqual(["spec b.ts", "recording a.recording.json"]);
  });

  test.each([
    ["a path that is not there", "missing", "TEST_NOT_FOUND"],
    ["a file of another kind", "route.yaml", "TEST_FORMAT_UNKNOWN"],
    ["a folder without tests", "empty-of-tests", "TEST_NOT_FOUND"],
  ])("refuses %s", (_name, name, code) => {
    mkdirSync(join(folder, "empty-of-tests"), { recursive: true });
    expect(findTestFiles([join(folder, name)]).issues).toMatchObject([{ code }]);
  });
});
