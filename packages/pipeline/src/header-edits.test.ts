import { describe, expect, test } from "bun:test";
import { HeaderEdits } from "./header-edits.ts";

const headers = ["Host", "a", "x-a", "1", "x-b", "2", "X-A", "3"];

test("set replaces all of a name, add appends, remove removes, in that order", () => {
  const edits = new HeaderEdits();
  edits.add("X-C", "4");
  edits.add("x-c", "5");
  edits.set("X-A", "6");
  edits.remove("X-B");
  expect(edits.apply(headers)).toEqual(["Host", "a", "X-C", "4", "x-c", "5", "X-A", "6"]);
  expect(headers).toHaveLength(8);
});

test("an empty value is a value", () => {
  const edits = new HeaderEdits();
  edits.set("x-a", "");
  expect(edits.apply(headers)).toEqual(["Host", "a", "x-b", "2", "x-a", ""]);
});

test("read tells what a header has become", () => {
  const edits = new HeaderEdits();
  edits.set("X-A", "1");
  edits.add("x-b", "2");
  edits.remove("x-c");
  expect(edits.read("x-a", "old")).toBe("1");
  expect(edits.read("x-b", "old")).toBe("old, 2");
  expect(edits.read("x-b", null)).toBe("2");
  expect(edits.read("x-c", "old")).toBeNull();
  expect(edits.read("x-d", "old")).toBe("old");
});

test("edits that many include are theirs alone from the first change on", () => {
  const shared = new HeaderEdits();
  shared.set("X-A", "6");
  const [one, other, third] = [new HeaderEdits(), new HeaderEdits(), new HeaderEdits()];
  for (const edits of [one, other]) edits.include(shared);
  one.remove("x-b");
  shared.add("x-d", "7");
  third.add("x-e", "8");
  third.include(shared);
  expect(one.apply(headers)).toEqual(["Host", "a", "X-A", "6"]);
  expect(other.apply(headers)).toEqual(["Host", "a", "x-b", "2", "X-A", "6"]);
  expect(third.apply(["Host", "a"])).toEqual(["Host", "a", "x-e", "8", "X-A", "6", "x-d", "7"]);
});

describe("edits as lines behind those of the client", () => {
  const client = ["host", "a", "x-a", "1"];
  const cases: [what: string, make: (edits: HeaderEdits) => void, lines: string | null][] = [
    ["none", () => undefined, ""],
    ["what the client did not send", (edits) => edits.set("X-C", "4"), "X-C: 4\r\n"],
    ["taking away what is not there", (edits) => edits.remove("X-C"), ""],
    ["one more of what there is", (edits) => edits.add("X-A", "2"), "X-A: 2\r\n"],
    ["another value of what there is", (edits) => edits.set("X-A", "2"), null],
    ["taking away what there is", (edits) => edits.remove("X-A"), null],
    ["what is told of every client", (edits) => edits.set("X-Forwarded-For", "b"), null],
    ["framing", (edits) => edits.add("Content-Length", "3"), null],
    ["a line end", (edits) => edits.set("X-C", "4\r\nX-D: 5"), null],
    [
      "a name twice",
      (edits) => {
        edits.add("X-C", "4");
        edits.set("x-c", "5");
      },
      null,
    ],
  ];
  test.each(cases)("%s", (_, make, lines) => {
    const edits = new HeaderEdits();
    make(edits);
    expect(edits.linesBehind(client)).toBe(lines);
    const shared = new HeaderEdits();
    shared.include(edits);
    expect(shared.linesBehind(client)).toBe(lines);
    // A change is seen, and is not the others'.
    shared.add("X-Z", "9");
    expect(shared.linesBehind(client)).toBe(lines === null ? null : `${lines}X-Z: 9\r\n`);
    expect(edits.linesBehind(client)).toBe(lines);
  });
});
