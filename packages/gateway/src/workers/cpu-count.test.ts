import { expect, test } from "bun:test";
import { availableParallelism } from "node:os";
import { availableCpus, parseCpuMax } from "./cpu-count.ts";

test.each([
  ["150000 100000\n", 1.5],
  ["max 100000\n", null],
  ["", null],
  ["0 100000", null],
])("cpu.max %p is %p CPUs", (text, cpus) => {
  expect(parseCpuMax(text)).toBe(cpus);
});

test("there is at least one CPU, and never more than the process may run on", () => {
  expect(availableCpus()).toBeGreaterThanOrEqual(1);
  expect(availableCpus()).toBeLessThanOrEqual(availableParallelism());
});
