import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  JsonObjectSlices,
  mergeSlices,
  parseJson,
  scanObject,
  scanWhole,
  writeSlices,
} from "./index.ts";

const DEEP = { maxDepth: 1000 };

function members(text: string): [string, string][] {
  const scan = scanObject(text);
  if (scan.kind !== "object") throw new Error(`${scan.kind}: ${text}`);
  return scan.keys.map((key, i) => [key, scan.valueAt(i)!]);
}

describe("scanObject", () => {
  const cases: [name: string, text: string, members: [string, string][]][] = [
    ["takes an empty object", " { } ", []],
    [
      "keeps numbers as written",
      '{"a":12345678901234567890,"b":1.0,"c":1e999,"d":-0}',
      [
        ["a", "12345678901234567890"],
        ["b", "1.0"],
        ["c", "1e999"],
        ["d", "-0"],
      ],
    ],
    [
      "trims values and leaves their inside alone",
      '{ "a" : [ 1 , {"x" :  2} ] , "b":\t"y" }',
      [
        ["a", '[ 1 , {"x" :  2} ]'],
        ["b", '"y"'],
      ],
    ],
    ["decodes keys with escapes", '{"a\\u0062\\n":1}', [["ab\n", "1"]]],
    [
      "lets the last of two equal keys win at the place of the first",
      '{"a":1,"b":2,"\\u0061":3}',
      [
        ["a", "3"],
        ["b", "2"],
      ],
    ],
    ["takes __proto__ as data", '{"__proto__":{"x":1}}', [["__proto__", '{"x":1}']]],
  ];
  test.each(cases)("%s", (_, text, expected) => expect(members(text)).toEqual(expected));

  test("tells arrays and scalars apart", () => {
    expect(scanObject(" [1, 2] ")).toEqual({ kind: "array", raw: "[1, 2]" });
    expect(scanObject("null")).toEqual({ kind: "scalar", raw: "null" });
    expect(scanObject('"a"\n')).toEqual({ kind: "scalar", raw: '"a"' });
  });

  test("refuses nesting over the limit and takes nesting at it", () => {
    const nested = (levels: number) => `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
    expect(scanObject(nested(64)).kind).toBe("object");
    expect(scanObject(nested(65))).toMatchObject({ kind: "fault", code: "JSON_TOO_DEEP" });
    expect(scanObject(nested(100_000))).toMatchObject({ kind: "fault", code: "JSON_TOO_DEEP" });
    expect(scanObject("{}", { maxDepth: 0 })).toMatchObject({ code: "JSON_TOO_DEEP" });
  });

  test.each(["", " ", "[1", '{"a":1,}', "[[]]", '{"a":[]}', "1 2", " [ ] ", '"a"'])(
    "finds in %p as a whole what it finds in parts",
    (text) => {
      const scan = scanObject(text, { maxDepth: 1 });
      const whole = scanWhole(text, 1);
      if (scan.kind === "fault") expect(whole).toEqual(scan);
      else expect(whole).toBe(text.trim());
    },
  );

  test("counts the size limit in UTF-8 bytes", () => {
    expect(scanObject('{"a":"é"}', { maxBytes: 10 }).kind).toBe("object");
    expect(scanObject('{"a":"é"}', { maxBytes: 9 })).toMatchObject({ code: "JSON_TOO_LARGE" });
  });
});

function nativeVerdict(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const jsonText = fc
  .tuple(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(0, 1, "\t", " \n "))
  .map(([value, indent]) => JSON.stringify(value, null, indent));

/** JSON texts with a few characters changed, which is where scanners disagree. */
const brokenText = fc
  .tuple(
    jsonText,
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.nat(3),
        fc.constantFrom(
          "",
          ",",
          '"',
          "\\",
          "{",
          "}",
          "[",
          "]",
          ":",
          "0",
          "-",
          ".",
          "e",
          "\n",
          "\u0000",
          " ",
          "u12",
          "true",
          "\ufeff",
          "\u00a0",
          "é",
        ),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([text, edits]) =>
    edits.reduce((now, [place, removed, added]) => {
      const at = place % (now.length + 1);
      return now.slice(0, at) + added + now.slice(at + removed);
    }, text),
  );

describe("agreement with JSON.parse", () => {
  const runs = { numRuns: 3000, seed: 20261124 };
  const checkVerdict = (text: string) => {
    const valid = nativeVerdict(text);
    const scan = scanObject(text, DEEP);
    expect(scan.kind !== "fault").toBe(valid);
    if (scan.kind === "fault") expect(scan.message).not.toBe("not a JSON text");
    expect(parseJson(text, DEEP).kind).toBe(valid ? "value" : "fault");
    const whole = scanWhole(text, DEEP.maxDepth);
    if (scan.kind === "fault") expect(whole).toEqual(scan);
    else expect(whole).toBe(text.trim());
  };

  test("on arbitrary text", () => fc.assert(fc.property(fc.string(), checkVerdict), runs));
  test("on valid texts", () => fc.assert(fc.property(jsonText, checkVerdict), runs));
  test("on damaged texts", () => fc.assert(fc.property(brokenText, checkVerdict), runs));

  const key = fc.oneof(
    fc.string({ maxLength: 3 }),
    fc.constantFrom("__proto__", "constructor", "a", "b", "1", 'q"\\\u0001', "\ud800"),
  );
  const object = fc.array(fc.tuple(key, fc.jsonValue({ maxDepth: 2 })), { maxLength: 16 });
  const write = (list: [string, unknown][]) =>
    `{${list.map(([k, v]) => `${JSON.stringify(k)} : ${JSON.stringify(v)}`).join(" , ")}}`;

  test("a merge of slices is Object.assign of the values", () =>
    fc.assert(
      fc.property(fc.array(object, { minLength: 1, maxLength: 4 }), (objects) => {
        const merged = new JsonObjectSlices();
        const assigned = new Map<string, unknown>();
        for (const list of objects) {
          const scan = scanObject(write(list));
          if (scan.kind !== "object") throw new Error(scan.kind);
          mergeSlices(merged, scan);
          // A Map is what Object.assign does, minus the setter of __proto__.
          for (const [k, v] of Object.entries(JSON.parse(write(list)))) assigned.set(k, v);
        }
        const written = writeSlices(merged);
        const decoded = new Map(Object.entries(JSON.parse(written)));
        expect(decoded.size).toBe(assigned.size);
        for (const [k, v] of assigned) expect(decoded.get(k)).toEqual(v);
        expect(merged.keys.every((k) => merged.has(k))).toBe(true);
        expect(Object.getPrototypeOf(JSON.parse(written))).toBe(Object.prototype);
      }),
      runs,
    ));
});

describe("writeSlices", () => {
  test("writes compact members in the order their keys came", () => {
    const target = scanObject('{ "b" : 1 , "a" : [ 2 ] }');
    const source = scanObject('{"c":3,"b":null}');
    if (target.kind !== "object" || source.kind !== "object") throw new Error("not objects");
    mergeSlices(target, source);
    expect(writeSlices(target)).toBe('{"b":null,"a":[ 2 ],"c":3}');
    expect(writeSlices(source)).toBe('{"c":3,"b":null}');
  });

  test("quotes keys that need it", () => {
    const slices = new JsonObjectSlices();
    slices.set('a"\\\n', "1");
    slices.set("é", "2");
    expect(writeSlices(slices)).toBe('{"a\\"\\\\\\n":1,"é":2}');
    expect(writeSlices(new JsonObjectSlices())).toBe("{}");
  });

  test("finds members again after the switch to a map", () => {
    const slices = new JsonObjectSlices();
    for (let i = 0; i < 40; i++) slices.set(`k${i}`, "0");
    for (let i = 0; i < 40; i++) slices.set(`k${i}`, String(i));
    expect(slices.size).toBe(40);
    expect(slices.get("k31")).toBe("31");
    expect(slices.get("none")).toBeUndefined();
  });
});
