import { describe, expect, test } from "bun:test";
import { locateCases } from "./index.ts";

const text = `import { chainCases } from "@catena/testing";
export const tests = chainCases(checkout, {
  "is paid": {
    request,
    expect: {
      status: 201,
      steps: { "the charge": "done" },
    },
  },
  plain: ((one as ChainCase)),
  [computed]: {},
  ...others,
}, { mocks: { "users.get": {} } });
export default chainCases(other, { "is paid": { check() {} } });
const hidden = chainCases(other, { "elsewhere": {} });
export { hidden as shown };
`;
const place = locateCases(text, "a.spec.ts");
const at = (group: string, name: string, ...path: string[]): string | null => {
  const found = place({ group, name, at: path });
  return found === null ? null : `${found.line}:${found.column}`;
};

describe("a part of a case is where it is written", () => {
  test.each<[string, string | null, string | null]>([
    ["the case", at("tests", "is paid"), "3:3"],
    ["a member", at("tests", "is paid", "expect", "status"), "6:7"],
    ["one whose name is a text", at("tests", "is paid", "expect", "steps", "the charge"), "7:16"],
    ["the nearest around what is not written", at("tests", "is paid", "expect", "body"), "5:5"],
    ["the nearest around what is a variable", at("tests", "is paid", "request", "json"), "4:5"],
    ["a case that is a variable", at("tests", "plain", "expect"), "10:3"],
    ["what cases share", at("tests", "", "shared", "mocks", "users.get"), "13:15"],
    ["a default export", at("default", "is paid", "check"), "14:49"],
    ["one exported by another name", at("shown", "elsewhere"), "15:36"],
    ["the declaration, for what concerns all", at("tests", ""), "2:22"],
    ["the declaration, for a case that is computed", at("tests", "of a loop"), "2:22"],
    ["nowhere for an export that is not there", at("none", "of a loop"), null],
  ])("%s", (_name, found, expected) => {
    expect(found).toBe(expected);
  });

  test("nowhere in a file that does not parse", () => {
    expect(locateCases("export const = 1", "a.ts")({ group: "a", name: "b", at: [] })).toBeNull();
  });
});
