import { describe, expect, test } from "bun:test";
import type { Issue } from "@catena/errors";
import type { RequestView } from "@catena/expr";
import type { Upstream } from "@catena/schema";
import { compileHashKey } from "./hash-key.ts";

const headers: Readonly<Record<string, string>> = {
  "x-session-id": "s-1",
  "x-empty": "",
  cookie: "Sid=c-1; other=2",
};

const view: RequestView = {
  method: "GET",
  rawHost: "a.test:9080",
  host: "a.test",
  path: "/a",
  rawTarget: "/a?device=7&flag",
  query: "device=7&flag",
  scheme: "http",
  id: "00000000-0000-4000-8000-000000000001",
  startedAt: 0,
  clientAddress: "10.9.9.9",
  clientPort: 4711,
  peerAddress: "10.9.9.9",
  serverAddress: "10.0.0.1",
  serverPort: 9080,
  params: {},
  routeId: "",
  routeName: "",
  serviceId: "",
  serviceName: "",
  consumer: { name: "jack", groupId: "" },
  reply: null,
  header: (name) => headers[name] ?? null,
};

type Source = Pick<Upstream, "hash_on" | "key">;

describe("what is hashed", () => {
  test.each<[string, Source, string]>([
    ["a variable", { key: "uri" }, "/a"],
    ["the client's address", { key: "remote_addr" }, "10.9.9.9"],
    ["an argument", { hash_on: "vars", key: "arg_device" }, "7"],
    ["an argument without a value", { key: "arg_flag" }, "true"],
    ["a header, by any spelling", { hash_on: "header", key: "X-Session_Id" }, "s-1"],
    ["a cookie, by its spelling", { hash_on: "cookie", key: "Sid" }, "c-1"],
    ["the consumer", { hash_on: "consumer" }, "jack"],
    ["variables in text", { hash_on: "vars_combinations", key: `$uri-\${arg_device}!` }, "/a-7!"],
    ["a missing variable", { key: "arg_x" }, "10.9.9.9"],
    ["an empty header", { hash_on: "header", key: "X-Empty" }, "10.9.9.9"],
    ["a missing header", { hash_on: "header", key: "X-Y" }, "10.9.9.9"],
    ["a missing cookie", { hash_on: "cookie", key: "sid" }, "10.9.9.9"],
    ["no key", {}, "10.9.9.9"],
    ["a missing variable beside another", { hash_on: "vars_combinations", key: "$x$uri" }, "/a"],
    ["text of which nothing is found", { hash_on: "vars_combinations", key: "$x-$y" }, "10.9.9.9"],
    ["an escaped dollar", { hash_on: "vars_combinations", key: "\\$uri$uri" }, "\\$uri/a"],
  ])("%s", (_, source, expected) => {
    const issues: Issue[] = [];
    expect(compileHashKey(source, issues)(view)).toBe(expected);
    expect(issues).toEqual([]);
  });

  test("nobody identified: the address", () => {
    const anonymous = { ...view, consumer: null };
    expect(compileHashKey({ hash_on: "consumer" }, [])(anonymous)).toBe("10.9.9.9");
  });

  test.each<Source>([
    { key: "connection_requests" },
    { hash_on: "vars_combinations", key: "$uri$connection_requests" },
  ])("a variable that can't be had is told, and the address hashed: %j", (source) => {
    const issues: Issue[] = [];
    expect(compileHashKey(source, issues)(view)).toBe("10.9.9.9");
    expect(issues.map(({ path, code }) => `${path} ${code}`)).toEqual(["/key VARIABLE_NOT_SERVED"]);
  });
});
