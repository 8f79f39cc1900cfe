import { describe, expect, test } from "bun:test";
import { type RequestSketch, viewOf } from "./request-view.testbed.ts";
import { compileTemplate, interpolate } from "./template.ts";
import cases from "./template-cases.json";

const request: RequestSketch = {
  query: "a=1&flag&b=x%3Fy",
  headers: { "x-a": "h" },
};

describe("variables", () => {
  test.each(cases)("%s becomes %s", (text = "", result = "") => {
    const { value } = compileTemplate(text);
    expect(value?.render(viewOf(request))).toBe(result);
    expect(interpolate(text, viewOf(request))).toBe(result);
  });
});

test("values are escaped, the text around them is not", () => {
  const { value } = compileTemplate("/x?y=$arg_b");
  expect(value?.render(viewOf(request), (text) => text.replaceAll("?", "%3F"))).toBe("/x?y=x%3Fy");
});

test("captures are filled in when they are asked for", () => {
  const text = ["$0$1b-$", "{1}-$2-$3-$arg_a"].join("");
  const { value } = compileTemplate(text, { captures: true });
  expect(value?.render(viewOf(request), undefined, ["all", "one", null])).toBe("alloneb-one---1");
});

test("plain names end at a dot and know no default", () => {
  const text = ["$arg_a.b-$", "{arg_a}-$", "{arg_none ?? c}-$"].join("");
  const { value } = compileTemplate(text, { plainNames: true });
  expect(value?.render(viewOf(request))).toBe(["1.b-1-$", "{arg_none ?? c}-$"].join(""));
});

test("a text of missing variables only is told from one with values", () => {
  const { value } = compileTemplate("$http_a-$http_x_a");
  expect(value?.renderIfAny(viewOf(request))).toBe("-h");
  expect(value?.renderIfAny(viewOf())).toBeNull();
  expect(compileTemplate("constant").value?.renderIfAny(viewOf())).toBeNull();
});

test("isConstant tells whether there is anything to fill in", () => {
  expect(compileTemplate("a \\$b").value?.isConstant).toBe(true);
  expect(compileTemplate("a $b").value?.isConstant).toBe(false);
});

test("a variable that is not served is refused", () => {
  expect(compileTemplate("a $request_body").issues[0]?.code).toBe("VARIABLE_NOT_SERVED");
  expect(interpolate("a $request_body", viewOf())).toBeNull();
});

test("a text beyond all measure is refused", () => {
  expect(compileTemplate("$a".repeat(600_000)).issues[0]?.code).toBe("TEMPLATE_TOO_LONG");
});
