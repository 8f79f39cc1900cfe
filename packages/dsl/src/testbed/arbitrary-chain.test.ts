import { expect, test } from "bun:test";
import { chainJsonSchema, operators } from "@catena/ir";
import fc from "fast-check";
import { EXPORTED_NAMES } from "../decompile/exported-names.ts";
import { decompile } from "../index.ts";
import { ChainGenerator } from "./arbitrary-chain.ts";
import { documentPaths, schemaPaths } from "./schema-paths.ts";

const chains = fc
  .sample(fc.gen(), { numRuns: 4000, seed: 11 })
  .map((draw) => new ChainGenerator((make) => draw(make)).chain());

test("generated chains say everything that the schema lets a chain say", () => {
  const known = new Set(schemaPaths(chainJsonSchema()));
  // A number has no path; the other is written as JSON, see decompile.test.ts.
  for (const path of ["v=1", "forward.upstream_id"]) known.delete(path);
  const said = new Set(chains.flatMap((chain) => [...documentPaths(chain, known)]));
  expect([...known].filter((path) => !said.has(path))).toEqual([]);
});

test("they use every operator, in every sort of value", () => {
  const used = JSON.stringify(chains);
  expect([...operators.keys()].filter((name) => !used.includes(`"$op":"${name}"`))).toEqual([]);
});

/** What is no part of a chain, and `merged`, which is for the classic form. */
const NOT_IN_CHAINS = new Set([
  ...["Chain", "LeftOut", "checkSameMatch", "compile", "decompile", "decompileFiles"],
  ...["defineConfig", "dslErrors", "fromEnvironment", "merged"],
  ...["consumer", "consumerGroup", "credential", "globalRule", "pluginConfig", "pluginMetadata"],
  ...["proto", "route", "secret", "ssl", "streamRoute", "upstream"],
]);

test("written as configs they use every helper", () => {
  const source = chains
    .map((chain) => ({ uri: "/x/:id", plugins: { "proxy-chain": { ...chain } } }))
    .map((value, i) => decompile([{ kind: "routes", id: `r${i}`, value }]))
    .join("\n");
  const helpers = EXPORTED_NAMES.filter((name) => !NOT_IN_CHAINS.has(name));
  expect(helpers.filter((name) => !new RegExp(`\\b${name}[(<\`]`).test(source))).toEqual([]);
}, 60_000);
