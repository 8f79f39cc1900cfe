import { describe, expect, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { generateClient, openapi, type ServedResource } from "./index.ts";

const chain = { v: 1, steps: [{ name: "a", value: 1 }], reply: { body: { n: { $ref: ["a"] } } } };
const route = (id: string, value: object): ServedResource => ({
  kind: "routes",
  id,
  value: { uri: `/${id}`, methods: ["GET"], ...value },
});

/** The document of some resources, which a validator has found valid. */
async function documentOf(...resources: readonly ServedResource[]) {
  const document = JSON.parse(JSON.stringify(openapi(resources)));
  expect(await new Validator().validate(document)).toEqual({ valid: true });
  return document;
}

const isChain = (operation: object) => "200" in Object(Reflect.get(operation, "responses"));

describe("a chain is described wherever its route has it from", () => {
  const shared: ServedResource[] = [
    {
      kind: "services",
      id: "s",
      value: { hosts: ["a.example"], plugins: { "proxy-chain": chain } },
    },
    { kind: "plugin_configs", id: "p", value: { plugins: { "proxy-chain": chain } } },
  ];
  test.each<readonly [string, object, boolean]>([
    ["its service", { service_id: "s" }, true],
    ["its plugin config", { plugin_config_id: "p" }, true],
    [
      "itself, with settings of any plugin",
      { plugins: { "proxy-chain": { ...chain, _meta: { priority: 1 } } } },
      true,
    ],
    ["nowhere", {}, false],
    [
      "its service, and switched off",
      { service_id: "s", plugins: { "proxy-chain": { ...chain, _meta: { disable: true } } } },
      false,
    ],
    [
      "its service, and its own is of the classic form",
      { service_id: "s", plugins: { "proxy-chain": { services: [{ uri: "http://a/b" }] } } },
      false,
    ],
  ])("%s", async (_name, value, expected) => {
    const document = await documentOf(...shared, route("r", value));
    expect(isChain(document.paths["/r"].get)).toBe(expected);
  });

  test("and so are the hosts of a service", async () => {
    const { paths } = await documentOf(
      ...shared,
      route("r", { service_id: "s" }),
      route("o", { service_id: "s", host: "o.example" }),
    );
    expect(paths["/r"].get.description).toBe("Served for a.example");
    expect(paths["/o"].get.description).toBe("Served for o.example");
  });
});

describe("who has to say who they are", () => {
  test.each<readonly [string, Readonly<Record<string, object>>, Readonly<Record<string, object>>]>([
    [
      "with a key",
      { "key-auth": {} },
      { "key-auth-apikey": { type: "apiKey", in: "header", name: "apikey" } },
    ],
    [
      "with a key in another header",
      { "key-auth": { header: "X-My~Key" } },
      { "key-auth-x-my_key": { type: "apiKey", in: "header", name: "X-My~Key" } },
    ],
    ["with a password", { "basic-auth": {} }, { "basic-auth": { type: "http", scheme: "basic" } }],
    ["with a token", { "jwt-auth": {} }, { "jwt-auth": { type: "http", scheme: "bearer" } }],
    [
      "with a token in another header",
      { "jwt-auth": { header: "x-token" } },
      { "jwt-auth-x-token": { type: "apiKey", in: "header", name: "x-token" } },
    ],
    [
      "with a signature",
      { "hmac-auth": {} },
      { "hmac-auth": { type: "http", scheme: "signature" } },
    ],
    [
      "twice",
      { "key-auth": {}, "basic-auth": {} },
      {
        "basic-auth": { type: "http", scheme: "basic" },
        "key-auth-apikey": { type: "apiKey", in: "header", name: "apikey" },
      },
    ],
  ])("%s", async (_name, plugins, schemes) => {
    const { paths, components } = await documentOf(route("r", { plugins }), route("open", {}));
    expect(components.securitySchemes).toEqual(schemes);
    const asked = Object.fromEntries(Object.keys(schemes).map((name) => [name, []]));
    expect(paths["/r"].get.security).toEqual([asked]);
    expect(paths["/r"].get.responses).toHaveProperty("401");
    expect(paths["/open"].get).not.toHaveProperty("security");
  });

  test("by a global rule: everybody", async () => {
    const rule: ServedResource = {
      kind: "global_rules",
      id: "1",
      value: { plugins: { "key-auth": {} } },
    };
    const { paths } = await documentOf(rule, route("r", {}));
    expect(paths["/r"].get.security).toEqual([{ "key-auth-apikey": [] }]);
  });
});

describe("paths", () => {
  test.each<readonly [uri: string, path: string, params: readonly string[]]>([
    ["/users/:id", "/users/{id}", ["id"]],
    ["/a/:id/b/:id", "/a/{id}/b/{id2}", ["id", "id2"]],
    ["/files/*", "/files/{path}", ["path"]],
    ["/files/*rest", "/files/{rest}", ["rest"]],
    ["/img*", "/img/{path}", ["path"]],
    ["*", "/{path}", ["path"]],
    ["/a/{b}/:c", "/a/%7Bb%7D/{c}", ["c"]],
    ["/a:b/c", "/a:b/c", []],
  ])("%s is %s", async (uri, path, params) => {
    const { paths } = await documentOf(route("r", { uri }));
    expect(Object.keys(paths)).toEqual([path]);
    const names = (paths[path].get.parameters ?? []).map((one: { name: string }) => one.name);
    expect(names).toEqual(params);
  });

  test.each([
    ["/users/:id", "/users/:id"],
    ["/users/:id/*", "/users/{id}/{path}"],
  ])("%s is %s to a router without parameters", (uri, path) => {
    const { paths } = openapi([route("r", { uri })], { hasPathParameters: false });
    expect(Object.keys(Object(paths))).toEqual([path]);
  });

  test("that differ only in the names of their parameters are one", async () => {
    const { paths } = await documentOf(
      route("one", { uri: "/users/:id/x/:b" }),
      route("two", { uri: "/users/:name/x/:c", methods: ["POST"] }),
      route("three", { uri: "/users/:other/x/:d" }),
    );
    expect(Object.keys(paths)).toEqual(["/users/{id}/x/{b}"]);
    const { get, post } = paths["/users/{id}/x/{b}"];
    expect([get["x-catena-route"], post["x-catena-route"]]).toEqual(["one", "two"]);
    expect(post.parameters.map(({ name }: { name: string }) => name)).toEqual(["id", "b"]);
  });

  test("keep their slashes in a client where they may have some", () => {
    const client = generateClient([
      route("r", { uri: "/files/:kind/*", plugins: { "proxy-chain": chain } }),
    ]);
    expect(client).toContain('senders.send("GET", "/files/{kind}/{path*}", request)');
  });
});

test("what a gateway tells of itself is one page", async () => {
  const own = route("r", { methods: undefined, plugins: { "public-api": {} } });
  const { paths } = await documentOf(own);
  expect(paths["/r"]).toEqual({
    get: {
      operationId: "r",
      responses: { 200: { description: "What the gateway tells of itself" } },
      "x-catena-route": "r",
    },
  });
});
