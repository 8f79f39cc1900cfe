import { describe, expect, test } from "bun:test";
import { compile } from "@catena/dsl";
import { Validator } from "@seriousme/openapi-schema-validator";
import * as shop from "../fixtures/shop.ts";
import { openapi } from "./index.ts";

const { value: resources = [], issues } = compile(shop);
const document = openapi(resources, {
  title: "Shop",
  version: "3",
  servers: ["https://shop.example"],
});

/** The document as JSON, since that is what is served. */
const json = JSON.parse(JSON.stringify(document));

test("the fixture compiles", () => {
  expect(issues).toEqual([]);
});

test("the document is valid OpenAPI 3.1", async () => {
  const validator = new Validator();
  const result = await validator.validate(json);
  expect(result).toEqual({ valid: true });
  expect(validator.version).toBe("3.1");
});

test("every path and method of every route that is on is there", () => {
  const served = Object.entries(json.paths).map(([path, methods]) => [
    path,
    Object.keys(Object(methods)),
  ]);
  expect(served).toEqual([
    ["/by-id", ["post"]],
    ["/classic", ["post"]],
    ["/files/{path}", ["get"]],
    ["/img/{path}", ["get", "post", "put", "patch", "delete"]],
    ["/orders", ["post", "put"]],
    ["/pass", ["post"]],
    ["/users/{id}/profile", ["get"]],
    ["/v2/orders", ["post", "put"]],
    ["/{path}", ["get"]],
  ]);
  expect(json.info).toEqual({ title: "Shop", version: "3" });
  expect(json.servers).toEqual([{ url: "https://shop.example" }]);
});

test("operation ids are unique", () => {
  const ids = Object.values(json.paths).flatMap((methods) =>
    Object.values(Object(methods)).map((operation) => Object(operation).operationId),
  );
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toContain("profile");
});

test("parameters are those of path, query and headers", () => {
  expect(json.paths["/users/{id}/profile"].get).toMatchObject({
    summary: "Profile of a user",
    description: "Served for shop.example",
    "x-catena-route": "profile",
    parameters: [
      { in: "path", name: "id", required: true, schema: { type: "string" } },
      { in: "query", name: "lang", required: false, schema: { type: "string" } },
      { in: "query", name: "page", required: true, schema: { type: "integer" } },
      { in: "header", name: "x-shop", required: true, schema: { type: "string" } },
    ],
  });
});

describe("answers", () => {
  const answers = (path: string, method: string) => json.paths[path][method].responses;
  const bodyOf = (path: string, method: string, status: number) =>
    answers(path, method)[status].content["application/json"].schema;

  test("of a chain are found from what its reply is made of", () => {
    expect(Object.keys(answers("/users/{id}/profile", "get"))).toEqual([
      "200",
      "201",
      "404",
      "410",
      "default",
    ]);
    const user = {
      type: "object",
      properties: { id: { type: "string" }, email: { type: "string" } },
      required: ["id"],
    };
    const left = { type: "object", required: ["left"], properties: { left: { type: "integer" } } };
    expect(bodyOf("/users/{id}/profile", "get", 200)).toEqual({
      type: "object",
      properties: {
        user,
        email: { type: "string" },
        mail: { type: "string" },
        stock: { type: "array", items: { anyOf: [left, { type: "null" }] } },
        first: { type: "integer" },
        level: { anyOf: [{ type: "string" }, { type: "number" }] },
        note: { type: "string" },
        merged: {
          type: "object",
          properties: {
            id: { type: "string" },
            tier: { anyOf: [{ type: "number" }, { type: "string" }] },
          },
          required: ["id", "tier"],
        },
        pair: {
          type: "array",
          prefixItems: [{ type: "string" }, { anyOf: [{ type: "string" }, { type: "null" }] }],
          items: false,
          minItems: 2,
        },
        any: {},
        is: { type: "boolean" },
      },
      required: ["user", "email", "stock", "level", "note", "merged", "pair", "is"],
    });
    expect(bodyOf("/users/{id}/profile", "get", 410)).toEqual({
      type: "object",
      properties: { gone: { type: "string" } },
      required: ["gone"],
    });
    expect(answers("/users/{id}/profile", "get")[404].content).toHaveProperty(
      "application/problem+json",
    );
  });

  test("of a chain with an output schema are that, tuples as OpenAPI has them", () => {
    expect(bodyOf("/orders", "post", 200)).toEqual({
      type: "object",
      required: ["orderId", "note"],
      properties: {
        orderId: { type: "string" },
        note: { anyOf: [{ type: "string" }, { type: "null" }] },
      },
    });
    const sent = json.paths["/orders"].post.requestBody;
    expect(sent.required).toBe(true);
    expect(sent.content["application/json"].schema.properties.at).toEqual({
      type: "array",
      prefixItems: [{ type: "number" }, { type: "number" }],
      items: false,
      minItems: 2,
      maxItems: 2,
    });
  });

  test("of a stream, a forward, the classic form and a plain route", () => {
    expect(answers("/files/{path}", "get")[200].content).toEqual({ "*/*": { schema: {} } });
    expect(answers("/pass", "post")).toMatchObject({
      200: { description: "What the upstream answers" },
      default: { description: "What the upstream answers, or a problem" },
    });
    expect(Object.keys(answers("/classic", "post"))).toEqual(["default"]);
    expect(answers("/img/{path}", "get")).toEqual({
      default: { description: "What the upstream answers" },
    });
    expect(answers("/by-id", "post")[201].description).toBe("Created");
  });
});

test("nothing to serve is a document too", async () => {
  const empty = JSON.parse(JSON.stringify(openapi([])));
  expect(await new Validator().validate(empty)).toEqual({ valid: true });
  expect(empty).toMatchObject({
    openapi: "3.1.0",
    info: { title: "Catena gateway", version: "1" },
    paths: {},
  });
});
