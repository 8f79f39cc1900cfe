import { describe, expect, test } from "bun:test";
import type { Upstream } from "@catena/schema";
import { compileHashKey, type HashView } from "./hash-key.ts";

const view: HashView = {
  clientAddress: "10.9.9.9",
  variable: (name) => variables[name],
};

const variables: Readonly<Record<string, string | null>> = {
  uri: "/a",
  arg_device: "7",
  http_x_session_id: "s-1",
  cookie_Sid: "c-1",
  consumer_name: "jack",
  empty: "",
  absent: null,
};

type Source = Pick<Upstream, "hash_on" | "key">;

describe("what is hashed", () => {
  test.each<[string, Source, string]>([
    ["a variable", { key: "uri" }, "/a"],
    ["an argument", { hash_on: "vars", key: "arg_device" }, "7"],
    ["a header, by any spelling", { hash_on: "header", key: "X-Session-Id" }, "s-1"],
    ["a cookie, by its spelling", { hash_on: "cookie", key: "Sid" }, "c-1"],
    ["the consumer", { hash_on: "consumer" }, "jack"],
    ["variables in text", { hash_on: "vars_combinations", key: `$uri-\${arg_device}!` }, "/a-7!"],
    ["the address for a missing variable", { key: "arg_x" }, "10.9.9.9"],
    ["the address for one that is null", { key: "absent" }, "10.9.9.9"],
    ["the address for an empty one", { key: "empty" }, "10.9.9.9"],
    ["the address without the header", { hash_on: "header", key: "X-Y" }, "10.9.9.9"],
    ["the address without the cookie", { hash_on: "cookie", key: "sid" }, "10.9.9.9"],
    ["the address without a key", {}, "10.9.9.9"],
    ["an empty part beside another", { hash_on: "vars_combinations", key: "$empty$uri" }, "/a"],
    ["a default beside another", { hash_on: "vars_combinations", key: `\${x ?? y}$uri` }, "y/a"],
    [
      "the address when nothing is found",
      { hash_on: "vars_combinations", key: "$x-$y" },
      "10.9.9.9",
    ],
    [
      "the address when all are defaults",
      { hash_on: "vars_combinations", key: `\${x??1}` },
      "10.9.9.9",
    ],
    ["an escaped dollar as it is", { hash_on: "vars_combinations", key: "\\$uri$uri" }, "\\$uri/a"],
  ])("%s", (_, source, expected) => {
    expect(compileHashKey(source)(view)).toBe(expected);
  });
});
