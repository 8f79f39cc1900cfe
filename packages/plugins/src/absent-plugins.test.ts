import { expect, test } from "bun:test";
import { apisixMessage } from "@catena/schema";
import { absentPlugins } from "./absent-plugins.ts";
import { plugins } from "./registry.ts";

test("nothing is both here and absent, and each absence has a reason", () => {
  for (const [name, reason] of absentPlugins) {
    expect(plugins.get(name)).toBeUndefined();
    expect(plugins.registry.whyAbsent(name)).toBe(reason);
  }
  expect(plugins.registry.whyAbsent("nobody-knows")).toBeNull();
});

test.each([
  ["serverless-pre-function", ": its configuration is Lua code, which can't run here"],
  ["nobody-knows", ""],
])("%s is refused, with the reason where there is one", (name, reason) => {
  const route = { id: "1", uri: "/", plugins: { [name]: {} } };
  expect(apisixMessage("routes", route, { registry: plugins.registry })).toBe(
    `unknown plugin [${name}]${reason}`,
  );
});
