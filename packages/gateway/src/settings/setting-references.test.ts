import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveSettings } from "./resolve-settings.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "catena-settings-"));
  writeFileSync(join(folder, "key"), "key-from-a-file-0\n");
  writeFileSync(join(folder, "large"), "x".repeat(1024 * 1024 + 1));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const environment = {
  ADMIN: "key-from-the-environment",
  RING: JSON.stringify({ first: "0123456789abcdef", many: 1 }),
};

function resolve(value: object) {
  return resolveSettings({ file: { name: "configs/gateway.ts", value }, environment });
}

test("settings may say where their values are", () => {
  const viewer = { name: "board", role: "viewer", key: `$file://${join(folder, "key")}` };
  const { value } = resolve({
    adminKey: "$env://ADMIN",
    admin: { keys: [viewer] },
    keyring: ["$ENV://RING/first"],
  });
  expect(value).toMatchObject({
    adminKey: "key-from-the-environment",
    admin: { keys: [{ ...viewer, key: "key-from-a-file-0" }], cors: true },
    keyring: ["0123456789abcdef"],
  });
});

test("variables may, too", () => {
  const { value } = resolveSettings({
    environment: { ...environment, CATENA_KEYRING: "$env://RING/first" },
  });
  expect(value?.keyring).toEqual(["0123456789abcdef"]);
});

test.each([
  ["a variable that is not set", { adminKey: "$env://NOBODY" }, "/adminKey"],
  ["a member that is no text", { keyring: ["$env://RING/many"] }, "/keyring/0"],
  ["a member of what is no JSON", { adminKey: "$env://ADMIN/x" }, "/adminKey"],
  ["a file that is not there", { adminKey: "$file:///nowhere/key" }, "/adminKey"],
])("%s is told by its name alone", (_, file, path) => {
  const { value, issues } = resolve(file);
  expect(value).toBeUndefined();
  expect(issues.map((issue) => issue.path)).toEqual([path]);
  expect(JSON.stringify(issues)).not.toContain("key-from");
});

test("a file that is too large is not read", () => {
  const { issues } = resolve({ adminKey: `$file://${join(folder, "large")}` });
  expect(issues).toMatchObject([{ path: "/adminKey", expected: "at most 1048576 bytes" }]);
});
