import { expect, test } from "bun:test";
import { arraySlices } from "./array-slices.ts";

test.each([
  ["[]", []],
  [" [ ] ", []],
  [
    '[1, 12345678901234567890 ,[2,[3]],{"a":"],"}]',
    ["1", "12345678901234567890", "[2,[3]]", '{"a":"],"}'],
  ],
  ["{}", null],
  ['"[1]"', null],
  ["[1,", null],
])("slices %p", (text, slices) => {
  expect(arraySlices(text)).toEqual(slices);
});
