import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { call, chain, compile, op, route, service } from "@catena/dsl";
import { Type } from "@sinclair/typebox";
import * as shop from "../../fixtures/shop.ts";
import { generateClient } from "../index.ts";
import { tsType } from "./ts-type.ts";

const folder = mkdtempSync(join(tmpdir(), "catena-client-"));
const root = join(import.meta.dir, "../../../..");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const resources = compile(shop).value ?? [];

/** What TypeScript says of a caller beside a generated client. */
async function typeErrors(client: string, caller: string): Promise<readonly string[]> {
  const name = `case-${Bun.hash(client + caller).toString(36)}`;
  await Bun.write(join(folder, name, "client.ts"), client);
  await Bun.write(join(folder, name, "caller.ts"), caller);
  const project = join(folder, name, "tsconfig.json");
  const options = { typeRoots: [join(root, "node_modules")] };
  await Bun.write(
    project,
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      include: ["*.ts"],
      exclude: [],
      compilerOptions: options,
    }),
  );
  const tsc = Bun.spawn({
    cmd: [join(root, "node_modules/.bin/tsc"), "-p", project],
    stdout: "pipe",
  });
  const [output] = await Promise.all([new Response(tsc.stdout).text(), tsc.exited]);
  return output.split("\n").filter((line) => line.includes("error TS"));
}

const orders = service(
  "orders",
  { uri: "http://orders" },
  {
    get: op("GET", "/o/{id}", {
      response: Type.Object({ number: Type.String(), total: Type.Integer() }),
    }),
  },
);

/** A chain whose reply has one member of the given name. */
const replying = (make: (order: { number: unknown; total: unknown }) => object) =>
  generateClient(
    compile({
      order: chain({ route: "/orders/:id", methods: ["GET"] })
        .step("order", ($) => call(orders.get, { params: { id: $.input.params.id } }))
        .reply(($) => make($.order)),
    }).value ?? [],
  );

const caller = `
import { createClient } from "./client.ts";
const client = createClient({ baseUrl: "http://localhost" });
const { orderNumber } = await client.order({ params: { id: 7 } });
export const upper: string = orderNumber.toUpperCase();
`;

describe("the types of a client are those of the chains", () => {
  test("a caller that uses what is replied compiles", async () => {
    expect(
      await typeErrors(
        replying(({ number }) => ({ orderNumber: number })),
        caller,
      ),
    ).toEqual([]);
  }, 60_000);

  test("a field that is renamed in the reply breaks its caller's build", async () => {
    const errors = await typeErrors(
      replying(({ number }) => ({ number })),
      caller,
    );
    expect(errors).toEqual([
      expect.stringContaining(
        "caller.ts(4,9): error TS2339: Property 'orderNumber' does not exist",
      ),
    ]);
  }, 60_000);

  test("so does one whose type changes", async () => {
    const errors = await typeErrors(
      replying(({ total }) => ({ orderNumber: total })),
      caller,
    );
    expect(errors).toEqual([
      expect.stringContaining("Property 'toUpperCase' does not exist on type 'number'"),
    ]);
  }, 60_000);

  test("requests are held to path, query, headers and body", async () => {
    const calls = `
import { type Client, ClientError, createClient, type ProfileReply } from "./client.ts";
const client: Client = createClient({ baseUrl: "http://a", headers: { authorization: "Bearer t" } });
export const profile: ProfileReply = await client.profile({
  params: { id: "1" }, query: { page: 1 }, headers: { "x-shop": "n", other: "o" }, signal: AbortSignal.timeout(1),
});
export const email: string = profile.email;
export const mail: string | undefined = "mail" in profile ? profile.mail : undefined;
export const created = await client.createOrderPost({ body: { skus: [], kind: "new", at: [1, 2] } });
export const id: string = created.orderId;
export const file: Response = await client.download({ params: { path: "a/b" } });
export const done: unknown = await client.classic();
export const isError = (error: unknown) => error instanceof ClientError && error.status === 404;
// @ts-expect-error -- the path parameter is missing
await client.profile({ query: { page: 1 }, headers: { "x-shop": "n" } });
// @ts-expect-error -- a required query argument is missing
await client.profile({ params: { id: 1 }, query: {}, headers: { "x-shop": "n" } });
// @ts-expect-error -- a required header is missing
await client.profile({ params: { id: 1 }, query: { page: 1 } });
// @ts-expect-error -- not one of the kinds
await client.createOrderPost({ body: { skus: [], kind: "old" } });
// @ts-expect-error -- the body is missing
await client.createOrderPost({});
// @ts-expect-error -- plain routes are left out
await client.proxied({});
`;
    expect(await typeErrors(generateClient(resources), calls)).toEqual([]);
  }, 60_000);

  test("plain routes come in when asked", async () => {
    const calls = `
import { createClient } from "./client.ts";
export const image: unknown = await createClient({ baseUrl: "http://a" }).proxiedGet({ params: { path: "x" } });
`;
    expect(await typeErrors(generateClient(resources, { includeProxied: true }), calls)).toEqual(
      [],
    );
  }, 60_000);
});

describe("a client at run time", () => {
  const seen: { method: string; url: string; headers: Record<string, string>; body: string }[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      seen.push({
        method: request.method,
        url: pathname + search,
        headers: Object.fromEntries(request.headers),
        body: await request.text(),
      });
      if (pathname === "/by-id") return Response.json({ title: "no" }, { status: 404 });
      if (/^\/(files\/|classic)/.test(pathname))
        return new Response(search === "" ? "bytes" : null);
      return Response.json({ orderId: "o1" });
    },
  });
  afterAll(() => server.stop(true));

  const client = async (path = "") => {
    const file = join(folder, "run.ts");
    await Bun.write(file, generateClient(resources));
    const module = await import(file);
    return module.createClient({
      baseUrl: `http://127.0.0.1:${server.port}${path}`,
      headers: { authorization: "t" },
    });
  };

  test("sends what it is given and gives what is answered", async () => {
    const made = await client("/");
    expect(await made.createOrderPost({ body: { skus: ["a"], kind: "new" } })).toEqual({
      orderId: "o1",
    });
    expect(seen.at(-1)).toMatchObject({
      method: "POST",
      url: "/orders",
      headers: { authorization: "t", "content-type": "application/json" },
      body: '{"skus":["a"],"kind":"new"}',
    });
    await made.profile({
      params: { id: "a/b" },
      query: { page: 2, lang: undefined, tags: ["x", "y z"], none: null },
      headers: { "x-shop": "n", authorization: "own" },
    });
    expect(seen.at(-1)).toMatchObject({
      method: "GET",
      url: "/users/a%2Fb/profile?page=2&tags=x&tags=y+z",
      headers: { authorization: "own", "x-shop": "n" },
      body: "",
    });
  });

  test("gives a stream unread, text that is no JSON, and nothing for no body", async () => {
    const made = await client();
    const file: Response = await made.download({ params: { path: "x/y z?" } });
    expect(await file.text()).toBe("bytes");
    expect(seen.at(-1)?.url).toBe("/files/x/y%20z%3F");
    expect(await made.classic()).toBe("bytes");
    expect(await made.classic({ query: { empty: 1 } })).toBeUndefined();
  });

  test("throws an answer of 400 and above, with what it says", async () => {
    const made = await client();
    expect(made.byId({ body: { id: "1" } })).rejects.toMatchObject({
      name: "ClientError",
      status: 404,
      body: { title: "no" },
      message: "POST /by-id answered 404",
    });
  });
});

test("an answer without a body is undefined, beside what others say", () => {
  const made = (end: object, exit: object) => {
    const steps = [
      { name: "a", value: 1 },
      { name: "b", exit, when: true },
    ];
    const value = {
      uri: "/r",
      methods: ["GET"],
      plugins: { "proxy-chain": { v: 1, steps, ...end } },
    };
    const client = generateClient([{ kind: "routes", id: "r", value }]);
    return /^export type RReply = (.*);$/m.exec(client)?.[1];
  };
  const reply = { reply: { body: { a: 1 } } };
  expect(made(reply, { status: 204 })).toBe("{ a: number } | undefined");
  expect(made(reply, { status: 404 })).toBe("{ a: number }");
  expect(made(reply, { status: 201, body: "x" })).toBe("{ a: number } | string");
  expect(made({ forward: {} }, { status: 204 })).toBe("unknown");
});

test("method names are identifiers, each once, and comments cannot be left", () => {
  const routes = ["a-b", "A.b", "1"].map((id, index) =>
    route(id, { uri: `/${index}`, methods: ["GET"], upstream_id: "1", desc: "x */ y" }),
  );
  const client = generateClient(compile(routes).value ?? [], { includeProxied: true });
  expect(client).toContain("    aB: (");
  expect(client).toContain("    aB2: (");
  expect(client).toContain("    route1: (");
  expect(client).not.toContain("x */ y");
});

describe("the type of what a schema accepts", () => {
  test.each([
    [{ type: "string" }, "string"],
    [{ type: "integer" }, "number"],
    [{ type: ["string", "null"] }, "string | null"],
    [{ const: "a" }, '"a"'],
    [{ const: { a: [1, null] } }, "{ a: [1, null] }"],
    [{ enum: ["a", 1] }, '"a" | 1'],
    [{ anyOf: [{ type: "string" }, { type: "string" }, { type: "null" }] }, "string | null"],
    [{ oneOf: [{ type: "string" }, {}] }, "unknown"],
    [
      {
        allOf: [{ type: "object", properties: { a: {} } }, { anyOf: [{ const: 1 }, { const: 2 }] }],
      },
      "{ a?: unknown } & (1 | 2)",
    ],
    [
      { type: "array", items: { anyOf: [{ type: "string" }, { type: "number" }] } },
      "(string | number)[]",
    ],
    [{ type: "array" }, "unknown[]"],
    [{ type: "array", items: [{ type: "string" }] }, "[string]"],
    [
      { type: "array", prefixItems: [{ type: "string" }], items: { type: "number" } },
      "[string, ...number[]]",
    ],
    [
      {
        type: "object",
        properties: { a: { type: "string" }, "b-c": { type: "number" } },
        required: ["a"],
      },
      '{ a: string; "b-c"?: number }',
    ],
    [{ type: "object", additionalProperties: { type: "number" } }, "Record<string, number>"],
    [{ type: "object", patternProperties: { "^a": { type: "string" } } }, "Record<string, string>"],
    [{ type: "object" }, "Record<string, unknown>"],
    [{ type: "object", additionalProperties: false }, "{}"],
    [{ properties: { a: { type: "string" } } }, "{ a?: string }"],
    [{ type: "string", nullable: true }, "string | null"],
    [{ $ref: "#/x" }, "unknown"],
    [false, "never"],
    [true, "unknown"],
  ])("%j is %s", (schema, type) => {
    expect(tsType(schema)).toBe(type);
  });

  test("a schema without end is written only so deep", () => {
    const loop: Record<string, unknown> = { type: "array" };
    loop["items"] = loop;
    expect(tsType(loop)).toBe(`unknown${"[]".repeat(33)}`);
  });
});
