import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { httpDate } from "./http-date.ts";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test("is the time to the second, whenever it is asked for", () => {
  // Behind whatever another test has made of time in this process.
  jest.advanceTimersByTime(86_400_000);
  for (let step = 0; step < 40; step++) {
    jest.advanceTimersByTime(137);
    expect(httpDate(performance.now())).toBe(new Date().toUTCString());
  }
});
