import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog, defaultSettings, type Gateway, startGateway } from "@catena/gateway";
import { plugins } from "@catena/plugins";
import { type JsonObject, type Kind, kindNames } from "@catena/schema";
import { type ConfigStore, openStore } from "@catena/store";
import apisixPlugins from "./apisix-plugins.json" with { type: "json" };
import { fieldsOf } from "./compatibility-table.ts";
import { fieldVerdicts, pluginVerdicts } from "./verdicts.ts";

const listed = kindNames.flatMap((kind) =>
  Object.entries(fieldVerdicts[kind] ?? {}).map(([path, verdict]) => ({ kind, path, verdict })),
);

test("the list names fields that there are", () => {
  const wrong = listed.filter(({ kind, path }) => !fieldsOf(kind).includes(path));
  expect(wrong.map(({ kind, path }) => `${kind} ${path}`)).toEqual([]);
});

test("the list names plugins that are served", () => {
  expect(Object.keys(pluginVerdicts).filter((name) => plugins.get(name) === undefined)).toEqual([]);
});

test("every plugin that is served is APISIX's, with its priority, but for proxy-chain", () => {
  const known: Readonly<Record<string, number>> = apisixPlugins;
  const foreign = plugins.registry.plugins.filter(
    ({ name, priority }) => known[name] !== priority && name !== "proxy-chain",
  );
  expect(foreign.map(({ name }) => name)).toEqual([]);
});

const refused = listed.flatMap(({ kind, path, verdict }) =>
  "refused" in verdict
    ? [{ name: `${kind} ${path}`, kind, message: verdict.refused, example: verdict.example }]
    : [],
);

describe("what is refused is refused in these words", () => {
  const folder = mkdtempSync(join(tmpdir(), "catena-compatibility-"));
  let store: ConfigStore;
  let gateway: Gateway;
  beforeAll(async () => {
    store = openStore(`sqlite:${join(folder, "catena.db")}`);
    gateway = startGateway({
      settings: {
        ...defaultSettings,
        listen: "127.0.0.1:0",
        controlListen: "127.0.0.1:0",
        drainSeconds: 0,
      },
      store,
      log: createLog(() => undefined),
    });
    await gateway.ready;
  });
  afterAll(async () => {
    await gateway.stop();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(refused)("$name", async ({ kind, message, example }) => {
    const reason = await refusalOf(kind, example);
    expect(reason).toContain(message);
  });

  /** What `/status` says about an item once the gateway has seen it. */
  async function refusalOf(kind: Kind, value: JsonObject): Promise<string> {
    const key = `/apisix/${kind}/example`;
    const result = await store.transact({
      comparisons: [],
      operations: [{ kind: "put", key, value: JSON.stringify(value) }],
    });
    if (!result.committed) throw new Error("a write without comparisons was refused");
    const giveUpAt = performance.now() + 20_000;
    while ((gateway.status().store.revision ?? -1) < result.revision) {
      if (performance.now() > giveUpAt) throw new Error("the gateway does not follow the store");
      await Bun.sleep(5);
    }
    return gateway.status().rejected.find((item) => item.key === key)?.reason ?? "it is accepted";
  }
});
