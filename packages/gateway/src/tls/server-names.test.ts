import { describe, expect, test } from "bun:test";
import { ServerNames } from "./server-names.ts";

describe("what a name finds", () => {
  const names = new ServerNames<string>();
  names.set("exact", ["a.test", "X.a.test", "dotted.test."], "exact");
  names.set("wild", ["*.a.test"], "wild");
  names.set("longer", ["*.b.a.test"], "longer");
  names.set("end", ["*end.test"], "end");
  const cases: [name: string, found: string | null][] = [
    ["a.test", "exact"],
    ["x.a.test", "exact"],
    ["dotted.test", "exact"],
    ["y.a.test", "wild"],
    ["b.a.test", "wild"],
    ["y.b.a.test", "longer"],
    ["y.c.a.test", null],
    ["z.y.b.a.test", null],
    ["theend.test", "end"],
    ["end.test", "end"],
    ["the.end.test", null],
    ["test", null],
    ["", null],
  ];
  test.each(cases)("%p finds %p", (name, found) => {
    expect(names.find(name)).toBe(found);
  });
});

test("a lone star stands for all that no longer wildcard ends", () => {
  const names = new ServerNames<string>();
  names.set("all", ["*"], "all");
  names.set("wild", ["*.a.test"], "wild");
  expect(names.find("a.b.c")).toBe("all");
  expect(names.find("x.a.test")).toBe("wild");
  // As APISIX: the longest wildcard decides, and then it does not fit.
  expect(names.find("y.x.a.test")).toBeNull();
});

test("of equal names the first counts, also after it changed; then the next", () => {
  const names = new ServerNames<string>();
  names.set("1", ["a.test"], "one");
  names.set("2", ["a.test"], "two");
  expect(names.find("a.test")).toBe("one");
  names.set("1", ["a.test", "b.test"], "one again");
  expect(names.find("a.test")).toBe("one again");
  names.set("1", ["b.test"], "one without");
  expect([names.find("a.test"), names.find("b.test")]).toEqual(["two", "one without"]);
  names.delete("2");
  expect(names.find("a.test")).toBeNull();
  names.delete("1");
  expect(names.find("b.test")).toBeNull();
});
