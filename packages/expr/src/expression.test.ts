import { describe, expect, test } from "bun:test";
import { checkExpression, compileExpression } from "./expression.ts";
import { type RequestSketch, viewOf } from "./request-view.testbed.ts";

function holds(expression: unknown, sketch: RequestSketch = {}): boolean {
  const { value, issues } = compileExpression(expression);
  if (value === undefined) throw new Error(JSON.stringify(issues));
  return value(viewOf(sketch));
}

const x = (value: string): RequestSketch => ({ query: `x=${value}` });

describe("operators", () => {
  const cases: [expression: unknown[], request: RequestSketch, outcome: boolean][] = [
    [["arg_x", "==", "1"], x("1"), true],
    [["arg_x", "==", "1"], x("2"), false],
    [["arg_x", "==", 1], x("1"), true],
    [["arg_x", "==", 1], x("0x1"), true],
    [["arg_x", "==", 1], x("%201%20"), true],
    [["arg_x", "==", 1], x("one"), false],
    [["arg_x", "==", "1"], x("1.0"), false],
    [["arg_x", "==", 1000], x("1e3"), true],
    [["arg_x", "==", null], {}, true],
    [["arg_x", "==", null], x("1"), false],
    [["arg_x", "=="], {}, true],
    [["arg_x", "==", true], { query: "x" }, true],
    [["arg_x", "==", "true"], { query: "x" }, false],
    [["arg_x", "~=", "1"], x("1"), false],
    [["arg_x", "~=", "1"], {}, true],
    [["arg_x", "~=", 1], {}, true],
    [["arg_x", "~=", 1], x("one"), true],
    [["arg_x", "~=", 1], x("01"), false],
    [["arg_x", "~=", null], x("1"), true],
    [["arg_x", "~="], {}, false],
    [["arg_x", ">", 9], x("10"), true],
    [["arg_x", ">", "9"], x("10"), true],
    [["arg_x", ">", 10], x("10"), false],
    [["arg_x", ">", 1], {}, false],
    [["arg_x", ">", "a"], x("1"), false],
    [["arg_x", ">=", 10], x("10"), true],
    [["arg_x", "<", 10], x("9"), true],
    [["arg_x", "<", 10], x(""), false],
    [["arg_x", "<=", 10], x("10"), true],
    [["arg_x", "<=", 10], x("ten"), false],
    [["uri", "~~", "l+o$"], {}, true],
    [["uri", "~~", "^ello"], {}, false],
    [["uri", "~~", "HELLO"], {}, false],
    [["uri", "~*", "HELLO"], {}, true],
    [["arg_x", "~~", ".*"], {}, false],
    [["arg_x", "~~", ".*"], { query: "x" }, false],
    [["arg_x", "~~", 4], x("345"), true],
    [["arg_x", "in", ["1", "2"]], x("2"), true],
    [["arg_x", "in", [1, 2]], x("2"), false],
    [["arg_x", "in", "12"], x("1"), false],
    [["arg_x", "in", [null]], {}, false],
    [["arg_x", "IN", ["1"]], x("1"), true],
    [["arg_x", "has", "1"], x("1"), false],
    [["arg_x", "!", "has", "1"], x("1"), true],
    [["remote_addr", "ipmatch", "127.0.0.0/8"], {}, true],
    [["remote_addr", "ipmatch", ["10.0.0.1", "::1"]], {}, false],
    [["remote_addr", "ipmatch", ["10.0.0.1", "::1"]], { clientAddress: "::1" }, true],
    [["http_x_ip", "ipmatch", "0.0.0.0/0"], {}, false],
    [["http_x_ip", "!", "ipmatch", "0.0.0.0/0"], {}, true],
    [["http_x_ip", "ipmatch", "0.0.0.0/0"], { headers: { "x-ip": "nobody" } }, false],
    [["arg_x", "!", "==", "1"], {}, true],
    [["arg_x", "!", "~~", "^1"], x("12"), false],
    [["arg_x", "!", ">", 5], {}, true],
    [["arg_x", "VALUE"], x("value"), true],
    [["arg_x", "VALUE"], x("VALUE"), false],
    [["arg_x", 5], x("5"), true],
    [["unheard_of", "==", null], {}, true],
  ];
  test.each(cases)("%j on %j: %p", (condition, request, outcome) => {
    expect(holds([condition], request)).toBe(outcome);
  });
});

describe("logic", () => {
  const yes = ["uri", "==", "/hello"];
  const no = ["uri", "==", "/other"];
  const cases: [expression: unknown[], outcome: boolean][] = [
    [[], true],
    [[yes], true],
    [[yes, no], false],
    [["AND", yes, yes], true],
    [["and", yes, no], false],
    [["OR", no, yes], true],
    [["or", no, no], false],
    [["!AND", yes, no], true],
    [["!AND", yes, yes], false],
    [["!OR", no, no], true],
    [["!or", no, yes], false],
    [[["OR", no, yes], yes], true],
    [[["OR", no, ["!AND", yes, yes]]], false],
    [["OR", ["AND", yes, no], ["AND", yes, yes]], true],
    [["OR", [yes, no], [yes, yes]], true],
    [[[[yes]]], true],
  ];
  test.each(cases)("%j: %p", (expression, outcome) => {
    expect(holds(expression)).toBe(outcome);
  });
});

describe("refusals", () => {
  const cases: [expression: unknown, path: string, message: string][] = [
    ["uri", "", "rule should be wrapped inside brackets"],
    [{}, "", "rule should be wrapped inside brackets"],
    [["arg_x", "==", "1"], "", "rule should be wrapped inside brackets"],
    [[null], "", "rule should be wrapped inside brackets"],
    [[5], "", "rule should be wrapped inside brackets"],
    [[[]], "/0", "rule too short"],
    [[{}], "/0", "rule too short"],
    [["AND"], "", "rule too short"],
    [["AND", ["uri", "==", "/"]], "", "rule too short"],
    [[["OR", ["uri", "==", "/"]]], "/0", "rule too short"],
    [[["arg_x"]], "/0", "invalid expression"],
    [[["arg_x", null]], "/0", "invalid expression"],
    [[["arg_x", ["=="], 1]], "/0", "invalid expression"],
    [[[1, "==", 1]], "/0", "invalid expression"],
    [[["uri", "==", "/"], "uri"], "/1", "invalid expression"],
    [[["uri", "==", "/"], 5], "/1", "invalid expression"],
    [[["arg_x", "~~", null]], "/0/2", "invalid expression"],
    [[["arg_x", "~~"]], "/0/2", "invalid expression"],
    [[["arg_x", "=", "1"]], "/0", "invalid operator '='"],
    [[["arg_x", "??", "1"]], "/0", "invalid operator '??'"],
    [[["arg_x", "!", "NO", "1"]], "/0", "invalid operator 'no'"],
    [[["arg_x", "not", "==", "1"]], "/0", "bad 'not' expression"],
    [[["remote_addr", "ipmatch", ""]], "/0/2", "invalid ip address"],
    [[["remote_addr", "ipmatch", []]], "/0/2", "invalid ip address"],
    [[["remote_addr", "ipmatch"]], "/0/2", "invalid ip address"],
    [[["remote_addr", "ipmatch", ["::1", "1.2.3"]]], "/0/2/1", "invalid ip address: 1.2.3"],
  ];
  test.each(cases)("%j at %j", (expression, path, message) => {
    const { value, issues } = compileExpression(expression);
    expect(value).toBeUndefined();
    expect(issues.map((issue) => [issue.path, issue.message])).toEqual([[path, message]]);
  });

  test("every condition that is wrong is found, with its place", () => {
    const expression = [
      ["OR", ["arg_x", "~~", "("], ["graphql_name", "==", "a"]],
      ["uri", "=", "/"],
    ];
    expect(compileExpression(expression).issues.map((issue) => [issue.path, issue.code])).toEqual([
      ["/0/1/2", "PATTERN_INVALID"],
      ["/0/2/0", "VARIABLE_NOT_SERVED"],
      ["/1", "EXPRESSION_INVALID"],
    ]);
  });

  test("an expression nested too deep, or with too many conditions, is refused", () => {
    let deep: unknown[] = [["uri", "==", "/"]];
    for (let i = 0; i < 40; i++) deep = [deep];
    expect(checkExpression(deep)).toBe("nested deeper than 32 lists");
    const many = Array.from({ length: 1001 }, () => ["uri", "==", "/"]);
    expect(checkExpression(many)).toBe("more than 1000 conditions");
    const wide = ["uri", "in", Array.from({ length: 10_001 }, String)];
    expect(checkExpression([wide])).toBe("more than 10000 values in a list");
  });
});

test("checkExpression says nothing of a good expression", () => {
  expect(checkExpression([])).toBeNull();
  expect(checkExpression([["arg_x", "==", "1"]])).toBeNull();
});

test("random JSON is compiled or refused, and never throws", () => {
  const words = ["uri", "==", "!", "OR", "~~", "ipmatch", "in", "(", "1.2.3.4", "", "arg_x"];
  let seed = 7;
  const random = (limit: number): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * limit);
  };
  const sample = (depth: number): unknown => {
    const kind = random(depth > 3 ? 4 : 8);
    if (kind === 0) return random(100) - 50;
    if (kind === 1) return [null, true, false, {}][random(4)];
    if (kind < 4) return words[random(words.length)];
    return Array.from({ length: random(5) }, () => sample(depth + 1));
  };
  const view = viewOf();
  let compiled = 0;
  for (let i = 0; i < 5000; i++) {
    const { value, issues } = compileExpression(sample(0));
    expect(value === undefined).toBe(issues.length > 0);
    if (value === undefined) continue;
    compiled++;
    expect(typeof value(view)).toBe("boolean");
  }
  expect(compiled).toBeGreaterThan(10);
});
