import { expect, test } from "bun:test";
import type { StoredResource } from "@catena/dsl";
import { layOutFiles } from "./file-layout.ts";

const chain = (id: string): StoredResource => ({
  kind: "routes",
  id,
  value: { plugins: { "proxy-chain": { services: [] } } },
});

test.each([
  [["checkout"], ["chains/checkout.ts"]],
  [["Order.Flow_v2"], ["chains/order-flow-v2.ts"]],
  [
    ["a.b", "a-b", "A_B"],
    ["chains/a-b.ts", "chains/a-b-2.ts", "chains/a-b-3.ts"],
  ],
  [["gateway"], ["chains/gateway-chain.ts"]],
  [["a.test"], ["chains/a-test.ts"]],
  [["---"], ["chains/chain.ts"]],
])("chains %p are in files that are read as configs: %p", (ids, files) => {
  const resources = ids.map(chain);
  const { fileOf } = layOutFiles(resources);
  expect(resources.map(fileOf)).toEqual(files);
});

test("a route without a chain is among the others", () => {
  const plain: StoredResource = { kind: "routes", id: "a", value: { plugins: { cors: {} } } };
  expect(layOutFiles([plain]).fileOf(plain)).toBe("routes.ts");
});
