import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { plugins } from "@catena/plugins";
import { kindNames } from "@catena/schema";
import { accepted } from "./accepted.ts";
import apisixPlugins from "./apisix-plugins.json" with { type: "json" };
import { fieldsOf } from "./compatibility-table.ts";
import { openProbeBed, type ProbeBed } from "./probe-bed.ts";
import { probes } from "./probes.ts";
import { fieldVerdicts, kindVerdicts } from "./verdicts.ts";

const listed = kindNames.flatMap((kind) =>
  Object.entries(fieldVerdicts[kind] ?? {}).map(([path, verdict]) => ({ kind, path, verdict })),
);

test("the list names fields that there are", () => {
  const wrong = listed.filter(({ kind, path }) => !fieldsOf(kind).includes(path));
  expect(wrong.map(({ kind, path }) => `${kind} ${path}`)).toEqual([]);
});

test("every plugin that is served is APISIX's, with its priority, but for proxy-chain", () => {
  const known: Readonly<Record<string, number>> = apisixPlugins;
  const foreign = plugins.registry.plugins.filter(
    ({ name, priority }) => known[name] !== priority && name !== "proxy-chain",
  );
  expect(foreign.map(({ name }) => name)).toEqual([]);
});

test("every difference that is told has a probe, and the other way round", () => {
  const told = listed.filter(({ verdict }) => "differs" in verdict);
  const names = [...told.map(({ kind, path }) => `${kind} ${path}`), ...Object.keys(kindVerdicts)];
  expect(Object.keys(probes).sort()).toEqual(names.sort());
});

const refused = listed.flatMap(({ kind, path, verdict }) =>
  "refused" in verdict
    ? [{ name: `${kind} ${path}`, kind, message: verdict.refused, example: verdict.example }]
    : [],
);

describe("the list is what the gateway does", () => {
  let bed: ProbeBed;
  beforeAll(async () => {
    bed = await openProbeBed();
  });
  afterAll(() => bed.stop());

  test.each(refused)("$name is refused", async ({ kind, message, example }) => {
    await bed.put({ [`${kind}/example`]: example });
    const { rejected } = bed.gateway.status();
    const item = rejected.find(({ key }) => key === `/apisix/${kind}/example`);
    expect(item?.reason ?? "it is accepted").toContain(message);
  });

  test.each(kindNames.filter((kind) => accepted[kind] !== undefined))(
    "%s: what is not refused is accepted, every field of it",
    async (kind) => {
      const documents = accepted[kind] ?? [];
      const named = documents.map((document, index) => {
        const id = `example-${index}`;
        return [`${kind}/${id}`, kind === "consumers" ? document : { id, ...document }] as const;
      });
      await bed.put(Object.fromEntries(named));
      const rejected = bed.gateway.status().rejected.map(({ key, reason }) => `${key} ${reason}`);
      expect(rejected.filter((text) => text.startsWith(`/apisix/${kind}/example-`))).toEqual([]);
      const shown = new Set([
        "create_time",
        "update_time",
        ...named.flatMap(([, doc]) => Object.keys(doc)),
      ]);
      const unshown = fieldsOf(kind).filter((path) => {
        const verdict = fieldVerdicts[kind]?.[path];
        const isRefused = verdict !== undefined && "refused" in verdict;
        return !path.includes(".") && !path.includes("[") && !isRefused && !shown.has(path);
      });
      expect(unshown).toEqual(kind === "consumers" ? ["id"] : []);
    },
  );

  test("a route with a plugin that is not served answers 503, with one that only watches it does not", async () => {
    const { upstream } = bed;
    await bed.put({
      "routes/unknown": { id: "unknown", uri: "/unknown", upstream, plugins: { "wolf-rbac": {} } },
      "routes/watched": { id: "watched", uri: "/watched", upstream, plugins: { zipkin: {} } },
    });
    const statuses = ["/unknown", "/watched"].map(
      async (path) => (await fetch(bed.url + path)).status,
    );
    expect(await Promise.all(statuses)).toEqual([503, 200]);
  });

  test.each(Object.entries(probes))("%s differs", async (_, { sees, look }) => {
    expect<unknown>(await look(bed)).toEqual(sees);
  });
});
