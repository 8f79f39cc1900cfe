import { didYouMean } from "@catena/schema";
import type { ChainCase, Expected } from "./chain-cases.ts";
import type { TestRequest } from "./test-request.ts";

/** Names that may be given; the types say that none is missing. */
const caseNames: Readonly<Record<keyof ChainCase, true>> = {
  request: true,
  mocks: true,
  recording: true,
  upstream: true,
  expect: true,
  check: true,
};

const expectedNames: Readonly<Record<keyof Expected, true>> = {
  status: true,
  headers: true,
  body: true,
  bodyPart: true,
  code: true,
  calls: true,
  called: true,
  order: true,
  steps: true,
  undone: true,
  forwarded: true,
};

const requestNames: Readonly<Record<keyof TestRequest, true>> = {
  method: true,
  path: true,
  params: true,
  query: true,
  headers: true,
  body: true,
  text: true,
  id: true,
  ip: true,
};

/** Something a case says that nobody would look at. */
export interface ShapeProblem {
  readonly at: readonly string[];
  readonly reason: string;
}

/**
 * Finds what a case says in vain. A test file may run without having been type-checked, and one that
 * expects `staus` would pass for ever.
 */
export function shapeProblems(one: ChainCase): readonly ShapeProblem[] {
  const unknown = [
    ...unknownNames(one, caseNames, []),
    ...unknownNames(one.expect, expectedNames, ["expect"]),
    ...unknownNames(one.request, requestNames, ["request"]),
  ];
  if (unknown.length > 0 || expectsAnything(one)) return unknown;
  return [{ at: [], reason: "the case expects nothing: give it expect, check or a recording" }];
}

function expectsAnything({ expect = {}, check, recording }: ChainCase): boolean {
  return check !== undefined || recording !== undefined || Object.keys(expect).length > 0;
}

function unknownNames(
  value: object | undefined,
  known: Readonly<Record<string, true>>,
  at: readonly string[],
): readonly ShapeProblem[] {
  return Object.keys(value ?? {})
    .filter((name) => !Object.hasOwn(known, name))
    .map((name) => {
      const meant = didYouMean(name, Object.keys(known));
      const hint =
        meant === null ? `; known are ${Object.keys(known).join(", ")}` : ` (write ${meant})`;
      return { at: [...at, name], reason: `"${name}" is not known here${hint}` };
    });
}
