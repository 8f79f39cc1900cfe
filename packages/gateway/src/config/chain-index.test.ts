import { describe, expect, test } from "bun:test";
import type { Route } from "@catena/schema";
import { ChainIndex } from "./chain-index.ts";

const chain = (id?: string): Route => ({
  uri: "/",
  plugins: { "proxy-chain": { v: 1, steps: [], ...(id === undefined ? {} : { id }) } },
});

describe("ChainIndex", () => {
  test("finds a route by what its chain calls itself, else by its own id", () => {
    const index = new ChainIndex();
    expect(index.set("r1", chain("greeting"))).toEqual(["greeting"]);
    expect(index.set("r2", chain())).toEqual([]);
    expect(["greeting", "r1", "r2", "none"].map((id) => index.routeOf(id))).toEqual([
      "r1",
      "r1",
      "r2",
      "none",
    ]);
  });

  test("tells both names when a chain is renamed, and the last when it goes", () => {
    const index = new ChainIndex();
    index.set("r", chain("old"));
    expect(index.set("r", chain("new"))).toEqual(["old", "new"]);
    expect(index.set("r", chain("new"))).toEqual(["new"]);
    expect([index.routeOf("old"), index.routeOf("new")]).toEqual(["old", "r"]);
    expect(index.set("r", undefined)).toEqual(["new"]);
    expect(index.routeOf("new")).toBe("new");
  });

  test("of several chains of one name takes the first route by id, whatever came first", () => {
    const index = new ChainIndex();
    index.set("b", chain("same"));
    index.set("a", chain("same"));
    expect(index.routeOf("same")).toBe("a");
    index.set("a", undefined);
    expect(index.routeOf("same")).toBe("b");
  });

  test("knows no name of a classic chain", () => {
    const index = new ChainIndex();
    const classic = { uri: "/", plugins: { "proxy-chain": { id: "x", services: [] } } };
    expect(index.set("r", classic)).toEqual([]);
    expect(index.routeOf("x")).toBe("x");
  });
});
