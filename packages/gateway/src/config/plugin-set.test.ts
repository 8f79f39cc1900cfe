import { describe, expect, test } from "bun:test";
import type { PluginServices } from "@catena/pipeline";
import { compilePlugins, type OwnedPlugin, type PluginSetOptions } from "./plugin-set.ts";

const owner = "routes/1";
const echo: OwnedPlugin = { name: "echo", conf: { body: "hi" }, owner };
const filtered: OwnedPlugin = {
  name: "fault-injection",
  conf: { abort: { http_status: 503 }, _meta: { filter: [["uri", "==", "/"]] } },
  owner,
};

function setUp(unknownPlugins: "refuse" | "skip" = "refuse") {
  const refused: string[] = [];
  const made: string[] = [];
  const options: PluginSetOptions = {
    unknownPlugins,
    services: (of) => {
      made.push(of);
      // Neither of the plugins above uses a service.
      return { owner: of } as PluginServices;
    },
    refuse: ({ owner: of, name }) => refused.push(`${of} ${name}`),
  };
  return { options, refused, made };
}

describe("compilePlugins", () => {
  test("takes over what was made for another set, and asks only its filters anew", () => {
    const { options, made } = setUp();
    const first = compilePlugins([echo, filtered], options);
    const second = compilePlugins([echo, filtered], options, first?.made);
    expect(made).toEqual([owner, owner]);
    for (const plugin of [echo, filtered]) {
      expect(second?.made.get(plugin)?.bare).toBe(first!.made.get(plugin)!.bare);
    }
    expect(second?.made.get(echo)?.handlers).toBe(first!.made.get(echo)!.handlers);
    expect(second?.made.get(filtered)?.handlers).not.toBe(first!.made.get(filtered)!.handlers);
  });

  test("makes the same plugin of another owner anew", () => {
    const { options, made } = setUp();
    const first = compilePlugins([echo], options);
    compilePlugins([{ ...echo, owner: "consumers/jack" }], options, first?.made);
    expect(made).toEqual([owner, "consumers/jack"]);
  });

  test("orders by priority, _meta's before the plugin's own", () => {
    const first: OwnedPlugin = { ...echo, conf: { body: "hi", _meta: { priority: 99_999 } } };
    const names = (list: readonly OwnedPlugin[]) =>
      [...(compilePlugins(list, setUp().options)?.made.keys() ?? [])].map(({ name }) => name);
    expect(names([echo, filtered])).toEqual(["fault-injection", "echo"]);
    expect(names([filtered, first])).toEqual(["echo", "fault-injection"]);
  });

  test.each([
    ["is refused", "openid-connect", {}, "refuse", false],
    ["is left out where it only watches", "zipkin", {}, "refuse", true],
    [
      "is left out where it is disabled",
      "openid-connect",
      { _meta: { disable: true } },
      "refuse",
      true,
    ],
    ["is left out where the settings say so", "openid-connect", {}, "skip", true],
  ] as const)("a plugin this build lacks %s", (_says, name, conf, unknownPlugins, isServed) => {
    const { options, refused } = setUp(unknownPlugins);
    const set = compilePlugins([{ name, conf, owner }], options);
    expect(set !== null).toBe(isServed);
    expect(refused).toEqual(isServed ? [] : [`${owner} ${name}`]);
  });
});
