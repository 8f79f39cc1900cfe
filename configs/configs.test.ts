import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { compile } from "@catena/dsl";
import { plugins } from "@catena/plugins";
import { runCases } from "@catena/testing";
import { checkout } from "./checkout.ts";

const files = readdirSync(import.meta.dir);
const specs = files.filter((file) => file.endsWith(".spec.ts"));
const configs = files.filter(
  (file) => file.endsWith(".ts") && !/\.(spec|test)\.ts$|^gateway\.ts$/.test(file),
);

const load = (file: string): Promise<object> => import(join(import.meta.dir, file));

for (const file of specs) {
  const reports = await runCases(await load(file));
  describe(file, () => {
    test.each(reports.map(({ name, error }) => [name, error] as const))("%s", (_name, error) => {
      if (error !== null) throw error;
    });
  });
}

test("every chain has cases of its own", async () => {
  for (const file of configs) {
    const { value } = compile(await load(file), { registry: plugins.registry });
    if (!value?.some((resource) => JSON.stringify(resource.value).includes("proxy-chain")))
      continue;
    expect(specs).toContain(file.replace(/\.ts$/, ".spec.ts"));
  }
});

test("the checkout runs on Apache APISIX too", () => {
  const { value, issues } = compile({ checkout }, { registry: plugins.registry, target: "apisix" });
  expect(issues).toEqual([]);
  expect(value?.map(({ kind, id }) => `${kind}/${id}`)).toEqual([
    "upstreams/order-service",
    "routes/checkout",
  ]);
});
