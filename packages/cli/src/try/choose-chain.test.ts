import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import type { CompiledResource } from "@catena/dsl";
import { chooseChain, configsFrom, forwardedTo, shapeOf, toEntries } from "./choose-chain.ts";

const resource = (
  kind: CompiledResource["kind"],
  id: string,
  value: CompiledResource["value"],
): CompiledResource => ({ kind, id, value, source: undefined });
const chained = (id: string, conf: object, rest: object = {}) =>
  resource("routes", id, { uri: `/${id}`, plugins: { "proxy-chain": { ...conf } }, ...rest });

const steps = chained("r1", { steps: [], id: "checkout" }, { upstream: { nodes: {} } });
const named = chained("r2", { steps: [], forward: { upstream_id: "up" } });
const ofService = chained(
  "r3",
  { services: [] },
  { service_id: "s", uris: ["/b", "/c"], methods: ["PUT"] },
);
const none = chained("r4", { services: [] });
const resources = [
  steps,
  named,
  ofService,
  none,
  resource("routes", "plain", { uri: "/p" }),
  resource("services", "s", { upstream_id: 7 }),
  resource("upstreams", "up", { nodes: {} }),
];

test("a chain is found by its route, and by what it calls itself", () => {
  expect(chooseChain(resources, "r1")).toBe(steps);
  expect(chooseChain(resources, "checkout")).toBe(steps);
});

test.each<[string, string | undefined, string]>([
  ["none", undefined, "which chain is to be tried is missing; known are r1, r2, r3, r4"],
  ["another", "r11", 'there is no chain "r11" (did you mean "r1"?); known are r1, r2, r3, r4'],
  ["a route without one", "plain", 'there is no chain "plain"'],
])("%s is refused, and the known ones are told", (_name, name, says) => {
  expect(() => chooseChain(resources, name)).toThrow(says);
});

test("where there is no chain at all that is told", () => {
  expect(() => chooseChain([], "a")).toThrow("known are none: no route has a chain");
});

describe("what the request is sent on to", () => {
  test.each<[string, CompiledResource, string | undefined]>([
    ["what the chain names", named, "up"],
    ["what the route's service names", ofService, "7"],
    ["nothing where nothing is named", none, undefined],
  ])("%s", (_name, route, expected) => {
    expect(forwardedTo(route, resources)).toBe(expected);
  });

  test("the route's own upstream, which is stored with the others", () => {
    const id = forwardedTo(steps, resources);
    expect(toEntries(resources, steps, "/apisix").map(({ key }) => key)).toEqual([
      "/apisix/upstreams/up",
      `/apisix/upstreams/${id}`,
    ]);
  });
});

test("a route takes its first path and its methods", () => {
  expect(shapeOf(steps)).toEqual({ uri: "/r1", methods: [] });
  expect(shapeOf(ofService)).toEqual({ uri: "/r3", methods: ["PUT"] });
});

test("configs are named from where the recording is", () => {
  expect(configsFrom("configs", ["configs", "configs/a.ts", "b", resolve("/x")])).toEqual([
    ".",
    "a.ts",
    "../b",
    "/x",
  ]);
});
