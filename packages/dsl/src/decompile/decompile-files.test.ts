import { expect, test } from "bun:test";
import { decompile, decompileFiles, LeftOut, type StoredResource } from "../index.ts";

const call = (op: string, upstream_id: string) => ({ op, upstream_id, method: "GET", path: "/x" });
const chain = (id: string, ...calls: readonly object[]): StoredResource => ({
  kind: "routes",
  id,
  value: {
    id,
    uri: `/${id}`,
    upstream_id: "up",
    plugins: {
      "proxy-chain": {
        v: 1,
        steps: calls.map((one, index) => ({ name: `s${index}`, call: one })),
        reply: {},
      },
    },
  },
});
const up: StoredResource = {
  kind: "upstreams",
  id: "up",
  value: { id: "up", nodes: { "a:1": 1 } },
};
const resources = [
  up,
  chain("one", call("users.get", "up"), call("users.list", "up")),
  chain("two", call("users.get", "up")),
  { kind: "routes", id: "three", value: { id: "three", uri: "/3", upstream_id: "other" } } as const,
];

const fileOf = ({ kind, id }: StoredResource) =>
  kind === "upstreams" ? "shared/upstreams.ts" : id === "three" ? "three.ts" : `chains/a/${id}.ts`;

test("files import what they refer to, and nothing else", () => {
  const files = decompileFiles(resources, { fileOf, services: "shared/services.ts" });
  const imports = [...files].map(([path, text]) => [
    path,
    text.split("\n").filter((line) => line.startsWith("import ")),
  ]);
  expect(Object.fromEntries(imports)).toEqual({
    "shared/services.ts": [
      'import { op, service } from "@catena/dsl";',
      'import { up } from "./upstreams.ts";',
    ],
    "shared/upstreams.ts": ['import { upstream } from "@catena/dsl";'],
    "chains/a/one.ts": [
      'import { call, chain } from "@catena/dsl";',
      'import { users } from "../../shared/services.ts";',
      'import { up } from "../../shared/upstreams.ts";',
    ],
    "chains/a/two.ts": [
      'import { call, chain } from "@catena/dsl";',
      'import { users } from "../../shared/services.ts";',
      'import { up } from "../../shared/upstreams.ts";',
    ],
    "three.ts": ['import { route } from "@catena/dsl";'],
  });
  expect(files.get("chains/a/two.ts")).toContain("export const two = chain({");
});

test("names are told apart across files too", () => {
  const other: StoredResource = { kind: "routes", id: "up", value: { id: "up", uri: "/up" } };
  const files = decompileFiles([up, other], {
    fileOf: ({ kind }) => `${kind}.ts`,
    services: "s.ts",
  });
  expect(files.get("upstreams.ts")).toContain("export const up = ");
  expect(files.get("routes.ts")).toContain('export const up2 = route("up"');
});

test("what is left out is asked of the environment", () => {
  const jack: StoredResource = {
    kind: "consumers",
    id: "jack",
    value: { username: "jack", plugins: { "key-auth": { key: new LeftOut("JACK_KEY") } } },
  };
  expect(decompile([jack])).toBe(`import { consumer, fromEnvironment } from "@catena/dsl";

export const jack = consumer("jack", {
  plugins: { "key-auth": { key: fromEnvironment("JACK_KEY") } },
});
`);
});

test("nothing is a module too", () => {
  expect(decompile([])).toBe("export {};\n");
});
