import {
  arrayArgument,
  boundedItems,
  isPresent,
  isRecord,
  type Operator,
  rest,
  value,
  wrongArgument,
} from "./operator.ts";

export const concat: Operator = {
  name: "concat",
  doc: "The items of all arrays in one; absent and null ones are passed over",
  params: [rest("array")],
  returns: "array",
  evaluate: (args) => {
    let all: readonly unknown[] = [];
    for (const given of args) {
      if (isPresent(given))
        all = boundedItems("concat", all.concat(arrayArgument("concat", given)));
    }
    return all;
  },
};

export const length: Operator = {
  name: "length",
  doc: "How many items, members or characters (code points) an array, object or string has",
  params: [value("value")],
  returns: "number",
  evaluate([given]) {
    if (!isPresent(given)) return undefined;
    if (Array.isArray(given)) return given.length;
    if (typeof given === "string") return countCodePoints(given);
    if (isRecord(given)) return Object.keys(given).length;
    throw wrongArgument("length", "an array, an object or a string", given);
  },
};

export const first: Operator = {
  name: "first",
  doc: "An array's first item; absent when it is empty",
  params: [value("array")],
  returns: "any",
  evaluate: ([given]) => (isPresent(given) ? arrayArgument("first", given)[0] : undefined),
};

export const last: Operator = {
  name: "last",
  doc: "An array's last item; absent when it is empty",
  params: [value("array")],
  returns: "any",
  evaluate: ([given]) => (isPresent(given) ? arrayArgument("last", given).at(-1) : undefined),
};

function countCodePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
