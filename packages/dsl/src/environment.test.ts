import { afterEach, expect, test } from "bun:test";
import { fromEnvironment } from "./environment.ts";

const name = "CATENA_DSL_TEST_VARIABLE";
afterEach(() => {
  delete process.env[name];
});

test("gives the text of a variable as it is", () => {
  process.env[name] = " a\n";
  expect(fromEnvironment(name)).toBe(" a\n");
});

test.each([undefined, ""])("refuses a variable that is %j, with its place", (text) => {
  if (text !== undefined) process.env[name] = text;
  let caught: unknown;
  try {
    fromEnvironment(name);
  } catch (error) {
    caught = error;
  }
  expect(caught).toMatchObject({
    code: "DSL_ARGUMENT",
    message: expect.stringContaining(`the environment variable ${name} is not set`),
    details: { source: { file: import.meta.path, line: expect.any(Number) } },
  });
});
