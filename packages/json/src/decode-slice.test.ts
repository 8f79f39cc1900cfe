import { describe, expect, test } from "bun:test";
import { isGatewayError } from "@catena/errors";
import fc from "fast-check";
import { decodeSlice, getPath } from "./index.ts";

function code(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isGatewayError(error)) return error.code;
    throw error;
  }
  return "accepted";
}

describe("decodeSlice", () => {
  const kept = [
    "0",
    "-0",
    "1.0",
    "1e3",
    "900719925474099.0e-1",
    "9007199254740994",
    "0.30000000000000004",
    "0.10000000000000001",
    "100000000000000000000",
    "1e300",
    "5e-324",
    "0.1000000000000000055511151231257827021181583404541015625",
    "0e999",
  ];
  test.each(kept)("takes %s", (raw) => expect(decodeSlice(raw)).toBe(Number(raw)));

  const refused = [
    "9007199254740993",
    "12345678901234567890",
    "-9007199254740993",
    "1e999",
    "-1e999",
    "1e-400",
    "3.14159265358979323846",
    "1.23456e-320",
    "9".repeat(400),
  ];
  test.each(refused)("refuses %s", (raw) => {
    expect(code(() => decodeSlice(raw))).toBe("JSON_NUMBER_OUT_OF_RANGE");
    expect(code(() => decodeSlice(`{"a":[true,${raw}]}`))).toBe("JSON_NUMBER_OUT_OF_RANGE");
    expect(decodeSlice(JSON.stringify([raw]))).toEqual([raw]);
  });

  test("says where the number stands", () => {
    expect(() => decodeSlice('{"a":9007199254740993}')).toThrow(
      "number 9007199254740993 at character 6",
    );
  });

  test("refuses what is not JSON", () => {
    expect(code(() => decodeSlice('{"a":'))).toBe("JSON_INVALID");
    expect(code(() => decodeSlice('["'))).toBe("JSON_INVALID");
  });

  test("takes every number JavaScript writes", () =>
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(decodeSlice(JSON.stringify(number))).toBe(Object.is(number, -0) ? 0 : number);
      }),
      { numRuns: 3000, seed: 7 },
    ));

  test("takes an integer exactly when a double holds its digits", () =>
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }), (integer) => {
        const decoded = Number(integer);
        const kept = BigInt(decoded) === integer || BigInt(decoded.toString()) === integer;
        const expected = kept ? "accepted" : "JSON_NUMBER_OUT_OF_RANGE";
        expect(code(() => decodeSlice(integer.toString()))).toBe(expected);
      }),
      { numRuns: 2000, seed: 8 },
    ));
});

describe("getPath", () => {
  const text =
    ' {"a": {"b\\u0063": [10, {"x": 1.50}, "s"], "": 0}, "a~": 1, "d": 1, "d": [2], "__proto__": 7} ';
  const cases: [path: (string | number)[], raw: string | null][] = [
    [[], text.trim()],
    [["a", "bc", 1, "x"], "1.50"],
    [["a", "bc", "1"], '{"x": 1.50}'],
    [["a", "bc", 2], '"s"'],
    [["a", "bc", 3], null],
    [["a", "bc", -1], null],
    [["a", "bc", "01"], null],
    [["a", ""], "0"],
    [["d"], "[2]"],
    [["d", 0], "2"],
    [["__proto__"], "7"],
    [["constructor"], null],
    [["a~", "x"], null],
    [["nope"], null],
  ];
  test.each(cases)("%j", (path, raw) => expect(getPath(text, path)).toBe(raw));

  test("reads what JSON.parse reads", () =>
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.nat(), fc.nat(), (value, first, second) => {
        const path: string[] = [];
        let at: unknown = value;
        for (const pick of [first, second]) {
          if (typeof at !== "object" || at === null) break;
          const keys = Object.keys(at);
          const key = keys[pick % keys.length];
          if (key === undefined) break;
          path.push(key);
          at = Reflect.get(at, key);
        }
        const raw = getPath(JSON.stringify(value, null, 1), path);
        expect(JSON.parse(raw ?? "missing")).toEqual(JSON.parse(JSON.stringify(at)));
      }),
      { numRuns: 2000, seed: 9 },
    ));

  test("gives null on texts that are not JSON", () => {
    for (const bad of ["", "{", '{"a', '{"a":', '{"a":[1', "[1,"]) {
      expect(getPath(bad, ["a", 3])).toBeNull();
    }
    expect(getPath("[".repeat(50_000), [0])).toBeNull();
  });
});
