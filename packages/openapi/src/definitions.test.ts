import { describe, expect, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { generateClient, openapi, type ServedResource } from "./index.ts";

/** `Type.Recursive(This => Type.Object({ id, kids: Type.Array(This) }))`, as it is stored. */
const tree = {
  $id: "T0",
  type: "object",
  required: ["id", "kids"],
  properties: { id: { type: "string" }, kids: { type: "array", items: { $ref: "T0" } } },
};
const ref = (...path: readonly (string | number)[]) => ({ $ref: path });

/** A chain whose step answers by a schema, and which replies parts of it. */
const route = (id: string, response: object, body: object): ServedResource => ({
  kind: "routes",
  id,
  value: {
    uri: `/${id}`,
    methods: ["GET"],
    plugins: {
      "proxy-chain": {
        v: 1,
        steps: [{ name: "a", call: { uri: "http://a", method: "GET", path: "/", response } }],
        reply: { body },
      },
    },
  },
});

async function documentOf(...resources: readonly ServedResource[]) {
  const document = JSON.parse(JSON.stringify(openapi(resources)));
  expect(await new Validator().validate(structuredClone(document))).toEqual({ valid: true });
  return document;
}

const replyOf = (document: { paths: object }, path: string) =>
  Reflect.get(Object(Reflect.get(document.paths, path)), "get").responses[200].content[
    "application/json"
  ].schema;

describe("what a schema refers to has a name in the document", () => {
  test.each<
    readonly [
      name: string,
      response: object,
      path: readonly (string | number)[],
      schema: object,
      defined: object,
    ]
  >([
    [
      "by its $id",
      tree,
      ["a", "kids"],
      { type: "array", items: { $ref: "#/components/schemas/T0" } },
      {
        T0: {
          type: "object",
          required: ["id", "kids"],
          properties: {
            id: { type: "string" },
            kids: { type: "array", items: { $ref: "#/components/schemas/T0" } },
          },
        },
      },
    ],
    [
      "by a pointer into the schema",
      {
        type: "object",
        required: ["x"],
        properties: { x: { $ref: "#/$defs/my~1x" } },
        $defs: { "my/x": { type: "integer" } },
      },
      ["a", "x"],
      { $ref: "#/components/schemas/my_1x" },
      { my_1x: { type: "integer" } },
    ],
    [
      "being the schema itself",
      { type: "object", properties: { next: { $ref: "#" } } },
      ["a", "next", "next"],
      { $ref: "#/components/schemas/Schema" },
      {
        Schema: { type: "object", properties: { next: { $ref: "#/components/schemas/Schema" } } },
      },
    ],
    [
      "through which members are found",
      tree,
      ["a", "kids", 0, "id"],
      { type: "string" },
      expect.anything(),
    ],
    ["and nothing, where it leads nowhere", { $ref: "elsewhere" }, ["a"], {}, {}],
    [
      "going round",
      { $ref: "#" },
      ["a"],
      { $ref: "#/components/schemas/Schema" },
      expect.anything(),
    ],
  ])("%s", async (_name, response, path, schema, defined) => {
    const document = await documentOf(route("r", response, { v: ref(...path) }));
    expect(replyOf(document, "/r").properties.v).toEqual(schema);
    const { Problem: _, ...schemas } = document.components.schemas;
    expect(schemas).toEqual(defined);
  });

  test("and those of equal names are told apart, unless they are equal", async () => {
    const other = { ...tree, properties: { ...tree.properties, id: { type: "integer" } } };
    const body = { v: ref("a", "kids") };
    const { components } = await documentOf(
      route("one", tree, body),
      route("two", other, body),
      route("three", tree, body),
    );
    expect(Object.keys(components.schemas)).toEqual(["Problem", "T0", "T02"]);
    expect(components.schemas.T02.properties.id).toEqual({ type: "integer" });
  });
});

test("a client has a type for each", () => {
  const client = generateClient([route("r", tree, { v: ref("a", "kids") })]);
  expect(client).toContain("export type T0Schema = { id: string; kids: T0Schema[] };");
  expect(client).toContain("export type RReply = { v: T0Schema[] };");
});
