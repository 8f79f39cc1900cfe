import { isDeepStrictEqual } from "node:util";
import { didYouMean } from "../did-you-mean.ts";
import type { MatcherOptions } from "./compile-matcher.ts";
import { describeValue, type Finding, type Place } from "./finding.ts";
import type { JsonSchema } from "./json-schema.ts";
import { countCharacters, hasFormat, isSecretReference, patternOf } from "./value-tests.ts";

/** What a schema has against a value by itself: length, pattern, range, list of values. */
export function explainScalar(
  schema: JsonSchema,
  value: unknown,
  place: Place,
  options: MatcherOptions,
): Finding[] {
  const findings: Finding[] = [];
  if (typeof value === "string" && !(options.secretReferences && isSecretReference(value))) {
    findings.push(...explainString(schema, value, place, options));
  }
  if (typeof value === "number") findings.push(...explainNumber(schema, value, place));
  if (schema.enum !== undefined && !schema.enum.some((one) => isDeepStrictEqual(one, value))) {
    findings.push(notListed(schema.enum, value, place));
  }
  if ("const" in schema && !isDeepStrictEqual(schema.const, value)) {
    findings.push({
      path: place.path,
      code: "SCHEMA_VALUE",
      message: "not the value allowed here",
      expected: JSON.stringify(schema.const),
      found: describeValue(value, place.path),
      apisix: `${place.wrap}failed to check const value`,
    });
  }
  return findings;
}

/** The failure of a value that is none of those listed. */
export function notListed(list: readonly unknown[], value: unknown, place: Place): Finding {
  const names = list.filter((one) => typeof one === "string");
  const meant = typeof value === "string" ? didYouMean(value, names) : null;
  return {
    path: place.path,
    code: "SCHEMA_VALUE",
    message: "not one of the values allowed here",
    expected: list.map((one) => JSON.stringify(one)).join(", "),
    found: describeValue(value, place.path),
    ...(meant === null ? {} : { hint: `did you mean "${meant}"?` }),
    apisix: `${place.wrap}matches none of the enum values`,
  };
}

function explainString(
  schema: JsonSchema,
  value: string,
  place: Place,
  options: MatcherOptions,
): Finding[] {
  const { minLength, maxLength, pattern, format } = schema;
  const length = countCharacters(value);
  const findings: Finding[] = [];
  const base = { path: place.path, found: describeValue(value, place.path) };
  if (minLength !== undefined && length < minLength) {
    findings.push({
      ...base,
      code: "SCHEMA_LENGTH",
      message: "too short",
      expected: `at least ${minLength} characters`,
      apisix: `${place.wrap}string too short, expected at least ${minLength}, got ${length}`,
    });
  }
  if (maxLength !== undefined && length > maxLength) {
    findings.push({
      ...base,
      code: "SCHEMA_LENGTH",
      message: "too long",
      expected: `at most ${maxLength} characters`,
      found: `${length} characters`,
      apisix: `${place.wrap}string too long, expected at most ${maxLength}, got ${length}`,
    });
  }
  if (pattern !== undefined && !(options.compilePattern ?? patternOf)(pattern).test(value)) {
    findings.push({
      ...base,
      code: "SCHEMA_PATTERN",
      message: "not of the form required here",
      expected: `text matching ${pattern}`,
      apisix: `${place.wrap}failed to match pattern "${quoted(pattern)}" with "${value}"`,
    });
  }
  if (format !== undefined && !hasFormat(value, format)) {
    findings.push({
      ...base,
      code: "SCHEMA_FORMAT",
      message: `not a valid ${format} address`,
      expected: format,
      apisix: `${place.wrap}expect valid ${format} format but got: "${value}"`,
    });
  }
  return findings;
}

/** APISIX prints a pattern as a Lua literal, with backslashes and quotes escaped. */
function quoted(pattern: string): string {
  return pattern.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}

function explainNumber(schema: JsonSchema, value: number, place: Place): Finding[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const tests: [bound: number | undefined, holds: (bound: number) => boolean, words: string][] = [
    [minimum, (bound) => value >= bound, "at least"],
    [maximum, (bound) => value <= bound, "at most"],
    [exclusiveMinimum, (bound) => value > bound, "greater than"],
    [exclusiveMaximum, (bound) => value < bound, "smaller than"],
    [multipleOf, (bound) => Number.isInteger(value / bound), "a multiple of"],
  ];
  return tests.flatMap(([bound, holds, words]) =>
    bound === undefined || holds(bound)
      ? []
      : [
          {
            path: place.path,
            code: "SCHEMA_RANGE",
            message: "out of range",
            expected: `${words} ${bound}`,
            found: String(value),
            apisix: `${place.wrap}expected ${value} to be ${words} ${bound}`,
          },
        ],
  );
}
