import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { formatIssue } from "@catena/errors";
import { type ImportOptions, importManifests } from "./index.ts";
import { objectId } from "./object-id.ts";

const fixtures = join(import.meta.dir, "fixtures");

/** Compares with a file beside the fixture; CATENA_UPDATE=1 writes it instead. */
async function expectGolden(file: string, text: string): Promise<void> {
  const golden = Bun.file(join(fixtures, file));
  if (process.env["CATENA_UPDATE"] === "1") await golden.write(text);
  expect(text).toBe(await golden.text());
}

describe("golden manifests", () => {
  const names = readdirSync(fixtures).filter((name) => name.endsWith(".yaml"));
  test.each(names)("%s", async (name) => {
    const text = await Bun.file(join(fixtures, name)).text();
    const { value, issues } = importManifests(text, { file: name });
    const base = name.replace(".yaml", "");
    if (value === undefined) {
      await expectGolden(`${base}.issues.txt`, `${issues.map(formatIssue).join("\n")}\n`);
    } else {
      expect(issues).toEqual([]);
      await expectGolden(`${base}.json`, `${JSON.stringify(value.resources, null, 2)}\n`);
    }
  });
});

const route = (rule: string, namespace = "shop") => `
apiVersion: apisix.apache.org/v2
kind: ApisixRoute
metadata: { name: r, namespace: ${namespace} }
spec: { http: [${rule}] }
`;
const oneBackend =
  "{ name: a, match: { paths: [/a] }, backends: [{ serviceName: users, servicePort: 80 }] }";

function nodesOf(text: string, options: Partial<ImportOptions> = {}): unknown {
  const { value } = importManifests(text, { file: "f.yaml", ...options });
  return value?.resources.find(({ kind }) => kind === "upstreams")?.value["nodes"];
}

describe("the node of a Service", () => {
  test.each<[string, Partial<ImportOptions>, string]>([
    ["its full name in DNS", {}, "users.shop.svc.cluster.local"],
    ["the cluster's own domain", { clusterDomain: "corp.local" }, "users.shop.svc.corp.local"],
    ["the short name, when the gateway knows it", { knownHosts: new Set(["users"]) }, "users"],
    [
      "the name with its namespace before the short one",
      { knownHosts: new Set(["users", "users.shop"]) },
      "users.shop",
    ],
    [
      "the full name before any shorter one",
      { knownHosts: new Set(["users", "users.shop.svc.cluster.local"]) },
      "users.shop.svc.cluster.local",
    ],
    [
      "not the name of another namespace",
      { knownHosts: new Set(["users.else"]) },
      "users.shop.svc.cluster.local",
    ],
  ])("has %s", (_name, options, host) => {
    expect(nodesOf(route(oneBackend), options)).toEqual([{ host, port: 80, weight: 100 }]);
  });
});

test("objects of other kinds are named and do not keep the rest from being imported", () => {
  const text = `${route(oneBackend)}---\napiVersion: apps/v1\nkind: Deployment\nmetadata: { name: d }\n`;
  const { value, issues } = importManifests(text, { file: "f.yaml" });
  expect(value?.resources.map(({ kind }) => kind)).toEqual(["upstreams", "services", "routes"]);
  expect(issues.map(formatIssue)).toEqual([
    "f.yaml:8:1 Deployment default/d /kind: objects of kind Deployment (apps/v1) are not imported; expected ApisixRoute, ApisixConsumer, ApisixGlobalRule, ApisixTls, ApisixUpstream, ApisixPluginConfig",
  ]);
});

test("two rules that name the same ApisixUpstream share one resource", () => {
  const rule = (name: string) =>
    `{ name: ${name}, match: { paths: [/${name}] }, backends: [{ serviceName: s, servicePort: 1 }], upstreams: [{ name: out }] }`;
  const upstream =
    "---\napiVersion: apisix.apache.org/v2\nkind: ApisixUpstream\nmetadata: { name: out, namespace: shop }\nspec: { externalNodes: [{ name: o.example }] }\n";
  const { value } = importManifests(route(`${rule("a")}, ${rule("b")}`) + upstream, { file: "f" });
  const shared = value?.resources.filter(({ id }) => id === objectId("shop_out"));
  // Each rule's service marks its further upstreams as its own; one object carries one mark.
  expect(shared).toHaveLength(1);
});

test("two objects that make the same resource are refused", () => {
  const { value, issues } = importManifests(`${route(oneBackend)}---${route(oneBackend)}`, {
    file: "f.yaml",
  });
  expect(value).toBeUndefined();
  expect(issues.map(({ code }) => code)).toContain("MANIFEST_DUPLICATE");
});

test("an empty file has no resources and no issues", () => {
  expect(importManifests("---\n# nothing\n---\n", { file: "f" })).toEqual({
    value: { resources: [] },
    issues: [],
  });
});

test("members named like a prototype's are data", () => {
  const rule = `{ name: a, match: { paths: [/a] }, plugins: [{ name: echo, config: { __proto__: { polluted: 1 }, constructor: 2 } }] }`;
  const { value } = importManifests(route(rule), { file: "f" });
  const conf = JSON.stringify(value?.resources.find(({ kind }) => kind === "routes")?.value);
  expect(conf).toContain('"__proto__":{"polluted":1}');
  expect(conf).toContain('"constructor":2');
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

test("an alias bomb is refused", () => {
  const levels = Array.from({ length: 9 }, (_, level) => {
    const inner = level === 0 ? '"x"' : `*a${level - 1}`;
    return `a${level}: &a${level} [${Array(10).fill(inner).join(", ")}]`;
  });
  const { value, issues } = importManifests(levels.join("\n"), { file: "f" });
  expect(value).toBeUndefined();
  expect(issues.map(({ code }) => code)).toEqual(["MANIFEST_SYNTAX"]);
});

test("ids are CRC-32 as the controller writes it", () => {
  // The check value of CRC-32/ISO-HDLC, and one with a leading zero that is not written.
  expect(objectId("123456789")).toBe("cbf43926");
  expect(objectId("default_checkout-route_0")).toBe("25339b8");
});
