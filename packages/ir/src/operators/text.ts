import { irErrors } from "../errors.ts";
import { toText } from "./convert.ts";
import {
  arrayArgument,
  boundedItems,
  boundedText,
  isPresent,
  MAX_TEXT,
  numberArgument,
  type Operator,
  optional,
  rest,
  textArgument,
  value,
} from "./operator.ts";

function onText(
  name: string,
  compute: (text: string) => unknown,
): (args: readonly unknown[]) => unknown {
  return ([given]) => (isPresent(given) ? compute(textArgument(name, given)) : undefined);
}

export const tpl: Operator = {
  name: "tpl",
  doc: "Strings, numbers and booleans written one after the other",
  params: [rest("part")],
  returns: "string",
  evaluate(args) {
    if (!args.every(isPresent)) return undefined;
    return boundedText("tpl", args.map((part) => toText("tpl", part)).join(""));
  },
};

export const lower: Operator = {
  name: "lower",
  doc: "A string in lower case",
  params: [value("text")],
  returns: "string",
  evaluate: onText("lower", (text) => text.toLowerCase()),
};

export const upper: Operator = {
  name: "upper",
  doc: "A string in upper case",
  params: [value("text")],
  returns: "string",
  evaluate: onText("upper", (text) => text.toUpperCase()),
};

export const trim: Operator = {
  name: "trim",
  doc: "A string without white space at its ends",
  params: [value("text")],
  returns: "string",
  evaluate: onText("trim", (text) => text.trim()),
};

export const split: Operator = {
  name: "split",
  doc: "The parts of a string between separators",
  params: [value("text"), value("separator")],
  returns: "array",
  evaluate([given, separator]) {
    if (!isPresent(given) || !isPresent(separator)) return undefined;
    const text = textArgument("split", given);
    return boundedItems("split", text.split(textArgument("split", separator)));
  },
};

export const join: Operator = {
  name: "join",
  doc: "An array's strings, numbers and booleans as one string with a separator between",
  params: [value("array"), value("separator")],
  returns: "string",
  evaluate([given, separator]) {
    if (!isPresent(given) || !isPresent(separator)) return undefined;
    const between = textArgument("join", separator);
    const items = arrayArgument("join", given);
    const parts = items.map((item) => (isPresent(item) ? toText("join", item) : ""));
    const length =
      parts.reduce((sum, part) => sum + part.length, 0) + between.length * items.length;
    if (length > MAX_TEXT) throw irErrors.VALUE_TOO_LARGE({ operator: "join", limit: MAX_TEXT });
    return parts.join(between);
  },
};

export const substring: Operator = {
  name: "substring",
  doc: "The part of a string from a character on, up to another (not included); negative from the end",
  params: [value("text"), value("start"), optional("end")],
  returns: "string",
  evaluate([given, start, end]) {
    if (!isPresent(given) || !isPresent(start)) return undefined;
    const characters = Array.from(textArgument("substring", given));
    const from = numberArgument("substring", start);
    const to = isPresent(end) ? numberArgument("substring", end) : undefined;
    return characters.slice(from, to).join("");
  },
};

export const replace: Operator = {
  name: "replace",
  doc: "A string with every occurrence of one text replaced by another",
  params: [value("text"), value("search"), value("replacement")],
  returns: "string",
  evaluate([given, search, replacement]) {
    if (!isPresent(given) || !isPresent(search) || !isPresent(replacement)) return undefined;
    const text = textArgument("replace", given);
    const from = textArgument("replace", search);
    const to = textArgument("replace", replacement);
    if (from === "") {
      throw irErrors.VALUE_ARGUMENT({ operator: "replace", reason: "needs a text to search for" });
    }
    const parts = text.split(from);
    const length = text.length + (parts.length - 1) * (to.length - from.length);
    if (length > MAX_TEXT) throw irErrors.VALUE_TOO_LARGE({ operator: "replace", limit: MAX_TEXT });
    return parts.join(to);
  },
};

export const startsWith: Operator = {
  name: "startsWith",
  doc: "Whether a string starts with another",
  params: [value("text"), value("start")],
  returns: "boolean",
  evaluate: ([given, start]) =>
    typeof given === "string" && typeof start === "string" && given.startsWith(start),
};

export const endsWith: Operator = {
  name: "endsWith",
  doc: "Whether a string ends with another",
  params: [value("text"), value("end")],
  returns: "boolean",
  evaluate: ([given, end]) =>
    typeof given === "string" && typeof end === "string" && given.endsWith(end),
};
