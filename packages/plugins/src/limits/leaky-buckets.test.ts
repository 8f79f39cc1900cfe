import { expect, test } from "bun:test";
import { LeakyBuckets } from "./leaky-buckets.ts";

test("requests at the rate pass at once, faster ones wait or are refused", () => {
  const buckets = new LeakyBuckets(10, 2);
  expect(buckets.admit("a", 0)).toBe(0);
  expect(buckets.admit("a", 100)).toBe(0);
  expect(buckets.admit("a", 100)).toBe(100);
  expect(buckets.admit("a", 100)).toBe(200);
  expect(buckets.admit("a", 100)).toBeNull();
  expect(buckets.admit("a", 200)).toBe(200);
  expect(buckets.admit("b", 200)).toBe(0);
});

test("a refused request does not count", () => {
  const buckets = new LeakyBuckets(1, 0);
  expect(buckets.admit("a", 0)).toBe(0);
  for (let i = 1; i < 10; i++) expect(buckets.admit("a", i * 100)).toBeNull();
  expect(buckets.admit("a", 1000)).toBe(0);
});

test("empty buckets are forgotten, and the number of keys is bounded", () => {
  const buckets = new LeakyBuckets(10, 2);
  for (let i = 0; i < 70_000; i++) buckets.admit(`k${i}`, 0);
  expect(buckets.size).toBe(65_536);
  buckets.admit("new", 1000);
  expect(buckets.size).toBe(1);
});
