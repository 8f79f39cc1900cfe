/** How an operator is written for references. */
export interface Misuse {
  /** What was done with the reference. */
  readonly use: string;
  readonly hint: string;
}

const ARITHMETIC = "write add, subtract, multiply, divide or modulo, or tpl`…` to build text";

/** Binary operators that give an answer of build time, whatever the value of run time will be. */
export const BINARY: Readonly<Record<string, Misuse>> = {
  "===": { use: "compared with ===", hint: "write eq(a, b)" },
  "==": { use: "compared with ==", hint: "write eq(a, b)" },
  "!==": { use: "compared with !==", hint: "write ne(a, b)" },
  "!=": { use: "compared with !=", hint: "write ne(a, b)" },
  "<": { use: "compared with <", hint: "write lt(a, b)" },
  "<=": { use: "compared with <=", hint: "write le(a, b)" },
  ">": { use: "compared with >", hint: "write gt(a, b)" },
  ">=": { use: "compared with >=", hint: "write ge(a, b)" },
  "+": { use: "added with +", hint: "write add(a, b), or tpl`…` to build text" },
  "-": { use: "used in arithmetic", hint: ARITHMETIC },
  "*": { use: "used in arithmetic", hint: ARITHMETIC },
  "/": { use: "used in arithmetic", hint: ARITHMETIC },
  "%": { use: "used in arithmetic", hint: ARITHMETIC },
  "**": { use: "used in arithmetic", hint: ARITHMETIC },
  in: { use: "used with in", hint: "write has(value, name)" },
  instanceof: { use: "used with instanceof", hint: "its type is the schema's to say" },
};

export const LOGICAL: Readonly<Record<string, Misuse>> = {
  "??": { use: "used with ??, which always takes it", hint: "write or(value, default)" },
  "||": {
    use: "used with ||, which always takes it",
    hint: "write or(value, default), or any(a, b) for conditions",
  },
  "&&": { use: "used with &&, which never takes it", hint: "write and(a, b) for conditions" },
};

export const UNARY: Readonly<Record<string, Misuse>> = {
  "!": { use: "negated with !, which is always false", hint: "write not(value)" },
  "-": { use: "negated with -", hint: "write subtract(0, value)" },
  "+": { use: "converted with +", hint: "write number(value)" },
  "~": { use: "used in arithmetic", hint: ARITHMETIC },
  typeof: { use: 'asked its type, which is always "function"', hint: "the schema says it" },
};

export const CONDITIONAL: Misuse = {
  use: "used as the condition of ? :, where it always holds",
  hint: "write ifElse(condition, a, b), or choose for calls",
};

export const STATEMENT: Misuse = {
  use: "used as the condition of a statement, where it always holds",
  hint: "write ifElse(condition, a, b), when: condition, or choose for calls",
};

export const SWITCH: Misuse = {
  use: "used in a switch, where no case is ever taken",
  hint: "write choose with a branch for each case",
};

export const TEMPLATE: Misuse = {
  use: "used in a plain template",
  hint: "write tpl`…` in its place",
};

export const LOOP: Misuse = {
  use: "gone over in a loop",
  hint: "write each(list, (item) => …)",
};

export const SPREAD: Misuse = {
  use: "spread",
  hint: "write merge(a, { … }) for objects, concat(a, b) for lists",
};

export const ASSIGNED: Misuse = { use: "assigned to", hint: "references cannot be changed" };

/** Built-in functions that answer for the reference itself. */
export const BUILT_IN: Readonly<Record<string, Misuse>> = {
  Boolean: { use: "converted with Boolean(), which is always true", hint: "write exists(value)" },
  Number: { use: "converted with Number()", hint: "write number(value)" },
  String: { use: "converted with String()", hint: "write string(value) or tpl`…`" },
  BigInt: { use: "converted with BigInt()", hint: "big numbers stay as they are sent" },
  "Array.isArray": {
    use: "asked with Array.isArray(), which is always false",
    hint: "its schema says whether it is a list",
  },
  "Object.is": { use: "compared with Object.is()", hint: "write eq(a, b)" },
  "JSON.stringify": { use: "written with JSON.stringify()", hint: "write json(value)" },
};

export const ASYNC: Misuse = {
  use: "async",
  hint: "a callback runs once, when the config is compiled; write what happens per request with call(…)",
};
