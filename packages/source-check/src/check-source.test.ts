import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as dsl from "@catena/dsl";
import { formatIssue } from "@catena/errors";
import { REFERENCE_HELPERS } from "./dsl-names.ts";
import { checkSource } from "./index.ts";

const imports =
  'import * as all from "@catena/dsl";\nimport { call, chain, each, eq, first, or, ref as r, tpl, value, type Ref } from "@catena/dsl";\n';

/** Findings on a program after the imports, without the file and the two lines above. */
function findings(program: string): readonly string[] {
  return checkSource(imports + program, "a.ts").map((issue) =>
    formatIssue(issue).replace(/^a\.ts:(\d+)/, (_, line) => `${Number(line) - 2}`),
  );
}

/** Findings on one expression in a step's callback. */
function inStep(expression: string): readonly string[] {
  return findings(`chain({ route: "/" }).step("a", ($) => value(${expression}));`).map((found) =>
    found.replace(/^1:\d+ /, ""),
  );
}

describe("a reference used as a value is found, with what to write", () => {
  test.each([
    [
      "? :",
      "$.a.ok ? 1 : 2",
      "a reference is used as the condition of ? :, where it always holds: $.a.ok ? 1 : 2 (write ifElse(condition, a, b), or choose for calls)",
    ],
    [
      "??",
      "$.a.b ?? 1",
      "a reference is used with ??, which always takes it: $.a.b ?? 1 (write or(value, default))",
    ],
    [
      "||",
      "$.a.b || 1",
      "a reference is used with ||, which always takes it: $.a.b || 1 (write or(value, default), or any(a, b) for conditions)",
    ],
    [
      "&&",
      "$.a && $.b",
      "a reference is used with &&, which never takes it: $.a && $.b (write and(a, b) for conditions)",
    ],
    ["===", "$.a === 1", "a reference is compared with ===: $.a === 1 (write eq(a, b))"],
    [
      "=== on the right",
      "1 === $.a",
      "a reference is compared with ===: 1 === $.a (write eq(a, b))",
    ],
    ["!==", "$.a !== $.b", "a reference is compared with !==: $.a !== $.b (write ne(a, b))"],
    ["==", "$.a == 1", "compared with =="],
    ["!=", "$.a != null", "compared with !="],
    ["<", "$.a < 1", "compared with <: $.a < 1 (write lt(a, b))"],
    [">=", "$.a >= 1", "compared with >="],
    ["!", "!$.a", "a reference is negated with !, which is always false: !$.a (write not(value))"],
    ["typeof", "typeof $.a", 'asked its type, which is always "function"'],
    ["a minus", "-$.a", "negated with -"],
    [
      "a template",
      `\`x\${$.a}\``,
      `a reference is used in a plain template: \`x\${$.a}\` (write tpl\`…\` in its place)`,
    ],
    [
      "+",
      "$.a + 1",
      "a reference is added with +: $.a + 1 (write add(a, b), or tpl`…` to build text)",
    ],
    ["*", "2 * $.a", "used in arithmetic"],
    ["in", '"x" in $.a', 'a reference is used with in: "x" in $.a (write has(value, name))'],
    ["instanceof", "$.a instanceof Date", "used with instanceof"],
    [
      "spread of an object",
      "{ ...$.a }",
      "a reference is spread: ...$.a (write merge(a, { … }) for objects, concat(a, b) for lists)",
    ],
    ["spread of a list", "[...$.a]", "a reference is spread"],
    ["Boolean()", "Boolean($.a)", "converted with Boolean(), which is always true"],
    ["Array.isArray()", "Array.isArray($.a)", "asked with Array.isArray(), which is always false"],
    ["Object.is()", "Object.is(1, $.a)", "compared with Object.is()"],
    ["JSON.stringify()", "JSON.stringify($.a)", "written with JSON.stringify()"],
    ["a deep member", '$.a["b"][0].c ?? 1', '$.a["b"][0].c ?? 1'],
    ["an optional member", "$.a?.b ?? 1", "$.a?.b ?? 1"],
    ["behind a cast", "($.a as string) ?? 1", "used with ??"],
    ["behind a !", "$.a! ?? 1", "used with ??"],
    ["a helper's result", "or($.a, 1) === 1", "compared with ==="],
    ["a member of one", "first($.a).b ? 1 : 2", "condition of ? :"],
    ["a helper by namespace", "all.or($.a, 1) ? 1 : 2", "condition of ? :"],
    ["tpl's result", "tpl`x` === tpl`y`", "compared with ==="],
    ["inside other things", "[{ x: [f($.a ?? 1)] }]", "$.a ?? 1"],
    ["one of many lines", "$.a\n  ?? 1", "$.a ?? 1"],
    ["a long one", `$.a ?? ${"x".repeat(90)}`, "…"],
  ])("%s", (_name, expression, says) => {
    const found = inStep(expression);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(says);
  });

  test("with file, line and column", () => {
    const program =
      'chain({ route: "/" })\n  .step("a", ($) =>\n    value({ é: "😀", x: $.input.body.x ?? 1 }));';
    expect(checkSource(imports + program, "configs/a.ts")).toEqual([
      {
        path: "",
        code: "SOURCE_REFERENCE",
        message: "a reference is used with ??, which always takes it: $.input.body.x ?? 1",
        hint: "write or(value, default)",
        source: { file: "configs/a.ts", line: 5, column: 25 },
      },
    ]);
  });
});

describe("references are followed", () => {
  test.each([
    ["into constants", 'c.step("a", ($) => { const id = $.a.id; return value(id ?? 1); });', 1],
    [
      "into destructured members",
      'c.step("a", ($) => { const { a, ...rest } = $; return value([a ?? 1, rest.x ?? 1]); });',
      2,
    ],
    [
      "out of parameters",
      'c.step("a", ({ user, input: { body } }) => value([user ?? 1, body ?? 1]));',
      2,
    ],
    ["with defaults", 'c.step("a", ({ user = 1 }) => value(user ?? 1));', 1],
    ["into assignments", 'c.step("a", ($) => { let x; x = $.a; return value(x ? 1 : 2); });', 1],
    [
      "through compound assignment",
      'c.step("a", ($) => { let x = 1; x += $.a; $.b ??= 1; return value(x); });',
      2,
    ],
    ["into if", 'c.step("a", ($) => { if ($.a) return value(1); return value(2); });', 1],
    [
      "into while, for and do",
      'c.step("a", ($) => { while ($.a) {} for (; $.a; ) {} do {} while ($.a); return value(2); });',
      3,
    ],
    [
      "into switch",
      'c.step("a", ($) => { switch ($.a) { case 1: return value(1); } return value(2); });',
      1,
    ],
    [
      "into for of",
      'c.step("a", ($) => { for (const x of $.list) value(x ?? 1); return value(2); });',
      2,
    ],
    [
      "into items of each",
      'c.step("a", ($) => each($.l, (item, i) => value([item.x ?? 1, i === 0])));',
      2,
    ],
    [
      "into an each's fallback",
      'c.step("a", ($) => each($.l, () => value(1), { onError: { fallback: (item) => item.x ?? 1 }, max: $.n ?? 1 }));',
      2,
    ],
    [
      "into undo, reply and forward",
      'c.undo("a", ($) => value($.a ?? 1)); c.reply(($) => $.a ?? 1, ($) => ({ status: $.s ?? 1 })); c.forward(up, ($) => $.a ?? 1, ($) => ($.b ?? 1));',
      5,
    ],
    [
      "into functions declared apart",
      'const make = ($) => value($.a ?? 1);\nfunction other($) { return value($.a ?? 1); }\nc.step("a", make).step("b", other).step("c", make);',
      2,
    ],
    [
      "into parameters typed as references",
      "const price = (item: Ref<Item>, n: number) => [item.price ?? 1, n ?? 1];",
      1,
    ],
    ["into closures", 'c.step("a", ($) => value([1].map((n) => $.a ?? n)));', 1],
    [
      "nested uses, each once",
      `c.step("a", ($) => value(($.a ?? 1) === 2 ? $.b ?? 3 : \`\${$.c}\`));`,
      3,
    ],
    ["an async callback", 'c.step("a", async ($) => value($.a));', 1],
  ])("%s", (_name, program, count) => {
    const found = findings(program);
    expect(found).toHaveLength(count);
  });
});

describe("what is no reference is left alone", () => {
  test.each([
    [
      "values of build time",
      `const port = env.PORT ?? 80; const url = \`http://a:\${port}\`; if (port === 80) f();`,
    ],
    [
      "a name that hides one",
      'c.step("a", ($) => { const f = ($) => $.a ?? 1; return value(f({})); });',
    ],
    ["a parameter of a callback of its own", 'c.step("a", ($) => value([1].map(($) => $ ?? 1)));'],
    ["a parameter called $ elsewhere", "const f = ($) => $.a ?? 1;"],
    [
      "conditions that helpers make",
      'c.step("a", ($) => value(or(eq($.a, 1), $.b), { when: eq($.a, 2) }));',
    ],
    ["tpl", `c.step("a", ($) => value(tpl\`x\${$.a}\`));`],
    ["types", 'c.step("a", ($) => value($.a as Ref<string extends number ? 1 : 2>));'],
    [
      "a helper of another package",
      'import { or as other } from "lodash"; const x = other(1) ?? 2;',
    ],
    ["a step of something else", "animation.step(2, ($) => $.a ?? 1);"],
    ["the right side of ??", 'c.step("a", ($) => value(env ?? $.a));'],
    ["equal members of plain values", 'c.step("a", ($) => value([opts.a === 1 ? $.a : $.b]));'],
  ])("%s", (_name, program) => {
    expect(findings(program)).toEqual([]);
  });

  test("the configs of this repository's DSL", () => {
    const folder = join(import.meta.dir, "../../dsl/fixtures");
    for (const name of ["order-flow.ts", "checkout.ts"]) {
      const file = join(folder, name);
      const text = readFileSync(file, "utf8").replace("../src/index.ts", "@catena/dsl");
      expect(checkSource(text, file)).toEqual([]);
    }
  });
});

test("a file that cannot be parsed gives its syntax errors, with their places", () => {
  expect(checkSource("const a = 1;\nconst x = ;", "b.ts")).toMatchObject([
    {
      code: "SOURCE_SYNTAX",
      message: "unexpected token",
      source: { file: "b.ts", line: 2, column: 11 },
    },
  ]);
  expect(checkSource("", "b.ts")).toEqual([]);
});

test("every helper whose result is a reference is known", () => {
  const others = new Set([
    "Chain",
    "LeftOut",
    "call",
    "chain",
    "checkSameMatch",
    "choose",
    "compile",
    "consumer",
    "consumerGroup",
    "credential",
    "decompile",
    "decompileFiles",
    "defineConfig",
    "dslErrors",
    "each",
    "exit",
    "fromEnvironment",
    "globalRule",
    "http",
    "op",
    "pluginConfig",
    "pluginMetadata",
    "proto",
    "route",
    "secret",
    "service",
    "ssl",
    "streamRoute",
    "sub",
    "upstream",
    "value",
    "when",
  ]);
  const helpers = Object.keys(dsl).filter((name) => !others.has(name));
  expect([...REFERENCE_HELPERS].sort()).toEqual(helpers.sort());
});
