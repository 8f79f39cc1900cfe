import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { kindNames, kinds } from "@catena/schema";
import { type AdminBed, startAdmin } from "./testbed/admin-bed.ts";
import { type StoreBed, startSqlite } from "./testbed/store-beds.ts";

let bed: StoreBed;
let admin: AdminBed;

beforeAll(async () => {
  bed = await startSqlite();
  admin = startAdmin(bed.store);
});
afterAll(async () => {
  await admin?.stop();
  await bed?.stop();
});

test("every kind's schema is published under its name in the singular", async () => {
  for (const kind of kindNames) {
    const { schema, schemaName } = kinds[kind];
    const reply = await admin.call("GET", `/schema/${schemaName}`);
    expect(reply.status).toBe(200);
    expect(reply.body).toEqual(JSON.parse(JSON.stringify(schema)));
  }
});

const refused: readonly (readonly [string, number, object | string])[] = [
  ["/schema/routes", 400, { error_msg: "not found schema: routes" }],
  ["/schema/__proto__", 400, { error_msg: "not found schema: __proto__" }],
  ["/schema/plugins", 404, { error_msg: "plugin not found in subsystem http" }],
  ["/schema/plugins/nope", 404, { error_msg: "plugin not found in subsystem http" }],
  ["/plugins", 404, { error_msg: "plugin not found in subsystem http" }],
  ["/plugins?all=1", 404, { error_msg: "plugin not found in subsystem http" }],
  ["/plugins/constructor", 404, { error_msg: "plugin not found in subsystem http" }],
  ["/plugins/cors?subsystem=stream", 404, { error_msg: "plugin not found in subsystem stream" }],
  ["/plugins/cors?subsystem=x", 400, { error_msg: "unsupported subsystem: x" }],
  ["/plugins?all=true&subsystem=x", 400, { error_msg: "unsupported subsystem: x" }],
  ["/plugins/cors?schema_type=consumer", 400, { error_msg: "not found schema" }],
  ["/plugins/list?subsystem=x", 400, "invalid subsystem passed"],
];
test.each(refused)("%s is refused", async (path, status, body) => {
  const reply = await admin.call("GET", path);
  expect<object>({ status: reply.status, body: reply.body }).toEqual({ status, body });
});

describe("plugins", () => {
  test("are listed by name, those that run first in front", async () => {
    const { body } = await admin.call("GET", "/plugins/list");
    expect(Object(body).slice(0, 3)).toEqual(["request-id", "cors", "ip-restriction"]);
    expect((await admin.call("GET", "/plugins/list?subsystem=stream")).body).toEqual([]);
  });

  test("are described all at once", async () => {
    const { body } = await admin.call("GET", "/plugins?all=true");
    const all = Object(body);
    expect(all["key-auth"]).toMatchObject({
      priority: 2500,
      version: 0.1,
      type: "auth",
      consumer_schema: { required: ["key"], encrypt_fields: ["key"] },
    });
    expect(all["key-auth"].schema.properties._meta.properties).toHaveProperty("disable");
    expect(all["http-logger"].metadata_schema.properties).toHaveProperty("log_format");
    expect(all["cors"]).not.toHaveProperty("consumer_schema");
    expect((await admin.call("GET", "/plugins?all=true&subsystem=stream")).body).toEqual({});
  });

  test("have the same schema at both paths", async () => {
    const replies = [
      await admin.call("GET", "/plugins/key-auth"),
      await admin.call("GET", "/schema/plugins/key-auth"),
    ];
    expect(replies[0]?.body).toEqual(replies[1]?.body);
    expect(Object(replies[0]?.body).properties).toHaveProperty("hide_credentials");
  });

  test("are reloaded by PUT alone", async () => {
    for (const method of ["GET", "POST", "DELETE", "PATCH"]) {
      const reply = await admin.call(method, "/plugins/reload");
      expect(reply.body).toEqual({
        error_msg: `please use PUT method to reload the plugins, ${method} method is not allowed.`,
      });
    }
    expect((await admin.call("PUT", "/plugins/reload")).body).toBe("done");
  });
});

describe("the OpenAPI document", () => {
  test("needs no key, and tells every operation on a kind, with the kind's schema", async () => {
    const response = await fetch(`http://127.0.0.1:${admin.port}/openapi/json`);
    expect(response.status).toBe(200);
    const document = Object(await response.json());
    expect(document.openapi).toBe("3.1.0");
    for (const kind of kindNames) {
      const { schemaName, adminMethods } = kinds[kind];
      expect(document.components.schemas).toHaveProperty(schemaName);
      const operations = Object.values<object>(document.paths).flatMap((path) =>
        Object.entries<{ tags?: string[] }>(Object(path))
          .filter(([, { tags }]) => tags?.includes(kind))
          .map(([method]) => method.toUpperCase()),
      );
      expect([...new Set(operations)].sort()).toEqual(
        ["DELETE", "GET", "PUT", ...adminMethods].sort(),
      );
    }
    expect(document.security).toEqual([{ key: [] }]);
  });

  test("refers only to what is in it, and gives every operation a name of its own", async () => {
    const response = await fetch(`http://127.0.0.1:${admin.port}/openapi/json`);
    const text = await response.text();
    const document = Object(JSON.parse(text));
    const names = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) expect(document.components.schemas).toHaveProperty(String(name));
    const ids = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const path of Object.keys(document.paths)) expect(path).not.toMatch(/[:*]/);
  });

  test("is not behind paths that only look like it", async () => {
    for (const path of ["/openapi/json/", "/openapi/json/x", "/openapi", "/openapi//json"]) {
      const { status } = await fetch(`http://127.0.0.1:${admin.port}${path}`);
      expect({ path, status }).toEqual({ path, status: 401 });
    }
  });
});
