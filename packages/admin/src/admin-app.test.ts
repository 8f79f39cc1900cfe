import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { type AdminBed, adminKey, startAdmin, viewerKey } from "./testbed/admin-bed.ts";
import { callRaw } from "./testbed/raw-call.ts";
import { type StoreBed, startSqlite } from "./testbed/store-beds.ts";

const route = { uri: "/a", upstream: { nodes: { "127.0.0.1:80": 1 } } };
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

describe("keys", () => {
  const cases: readonly (readonly [string, string, Readonly<Record<string, string>>, string])[] = [
    ["none", "GET", {}, "missing apikey"],
    ["an empty one", "GET", { "X-API-KEY": "" }, "wrong apikey"],
    ["another one", "GET", { "X-API-KEY": `${adminKey}x` }, "wrong apikey"],
    ["the beginning of one", "GET", { "X-API-KEY": adminKey.slice(0, -1) }, "wrong apikey"],
    ["one as a cookie", "GET", { Cookie: `x_api_key=${adminKey}` }, "missing apikey"],
    ["one as a bearer token", "GET", { Authorization: `Bearer ${adminKey}` }, "missing apikey"],
    ["a viewer's for a PUT", "PUT", { "X-API-KEY": viewerKey }, "invalid method for role viewer"],
    ["a viewer's for a POST", "POST", { "X-API-KEY": viewerKey }, "invalid method for role viewer"],
    [
      "a viewer's for a PATCH",
      "PATCH",
      { "X-API-KEY": viewerKey },
      "invalid method for role viewer",
    ],
    [
      "a viewer's for a DELETE",
      "DELETE",
      { "X-API-KEY": viewerKey },
      "invalid method for role viewer",
    ],
  ];
  test.each(cases)("%s is refused", async (_, method, headers, description) => {
    const reply = await admin.call(
      method,
      "/routes/1",
      method === "GET" ? undefined : route,
      headers,
    );
    expect(reply.status).toBe(401);
    expect(reply.body).toEqual({ error_msg: "failed to check token", description });
  });

  test("of either role may read", async () => {
    for (const key of [adminKey, viewerKey]) {
      const reply = await admin.call("GET", "/routes", undefined, { "X-API-KEY": key });
      expect(reply.status).toBe(200);
    }
  });

  test("may be in the query, which goes before the header", async () => {
    const ask = (query: string, headers = {}) =>
      admin.call("GET", `/routes?${query}`, undefined, headers);
    expect((await ask(`api_key=${adminKey}`)).status).toBe(200);
    expect((await ask(`api_key=${adminKey}`, { "X-API-KEY": "x" })).status).toBe(200);
    expect((await ask("api_key=x", { "X-API-KEY": adminKey })).status).toBe(401);
    expect((await ask("my_api_key=x", { "X-API-KEY": adminKey })).status).toBe(200);
  });

  test("are asked for on every path, also those that do not exist", async () => {
    for (const path of [
      "",
      "/nope",
      "/schema/route",
      "/plugins/list",
      "/configs",
      "/../admin/routes",
    ]) {
      expect((await admin.call("GET", path, undefined, {})).status).toBe(401);
    }
  });

  test("without any nobody is let in", async () => {
    const closed = startAdmin(bed.store, { keys: [] });
    expect((await closed.call("GET", "/routes")).status).toBe(401);
    await closed.stop();
  });
});

describe("client addresses", () => {
  const lists: readonly (readonly [string, readonly string[] | undefined, number])[] = [
    ["this machine by default", undefined, 200],
    ["a block that holds the client", ["127.0.0.0/24"], 200],
    ["an address that is the client's", ["10.0.0.1", "127.0.0.1"], 200],
    ["everybody", ["0.0.0.0/0", "::/0"], 200],
    ["a block elsewhere", ["10.0.0.0/8"], 403],
    ["IPv6 alone", ["::1"], 403],
    ["nobody", [], 403],
  ];
  test.each(lists)("%s", async (_, allowAdmin, status) => {
    const other = startAdmin(bed.store, allowAdmin === undefined ? {} : { allowAdmin });
    const replies = [
      await other.call("GET", "/routes"),
      await other.call("HEAD", ""),
      await other.call("OPTIONS", "/routes"),
    ];
    await other.stop();
    expect(replies.map((reply) => reply.status)).toEqual([status, status, status]);
  });

  test("a list with something else in it is refused at the start", () => {
    for (const entry of ["localhost", "10.0.0.0/33", "::1/129", "10.0.0.0/x", "", "10.0.0.0/-1"]) {
      expect(() => startAdmin(bed.store, { allowAdmin: [entry] })).toThrow(
        `invalid ip address: ${entry}`,
      );
    }
  });
});

describe("headers", () => {
  test("name the version that clients look for, and let browsers of other origins read", async () => {
    const { headers } = await admin.call("GET", "/routes");
    expect(Object.fromEntries(headers)).toMatchObject({
      server: "APISIX/3.18.0",
      "content-type": "application/json",
      "x-api-version": "v3",
      "access-control-allow-origin": "*",
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "*",
      "access-control-max-age": "3600",
    });
  });

  test("are on errors, too", async () => {
    const { headers } = await admin.call("GET", "/nope", undefined, {});
    expect(headers.get("server")).toBe("APISIX/3.18.0");
    expect(headers.get("access-control-allow-origin")).toBe("*");
  });

  test("are as configured", async () => {
    const other = startAdmin(bed.store, { cors: false, serverHeader: "APISIX" });
    const reply = await other.call("GET", "/routes");
    const preflight = await other.call("OPTIONS", "/routes");
    await other.stop();
    expect(reply.headers.get("server")).toBe("APISIX");
    expect(reply.headers.has("access-control-allow-origin")).toBe(false);
    expect(preflight.status).toBe(404);
  });

  test("a preflight is answered without a key", async () => {
    const { status, headers } = await admin.call("OPTIONS", "/routes/1", undefined, {});
    expect(status).toBe(200);
    expect(headers.get("access-control-allow-methods")).toBe(
      "POST, GET, PUT, OPTIONS, DELETE, PATCH",
    );
    expect(headers.get("access-control-allow-headers")).toBe("*");
  });

  test("HEAD is for the API's own path alone", async () => {
    expect((await admin.call("HEAD", "", undefined, {})).status).toBe(200);
    expect((await admin.call("HEAD", "/routes")).status).toBe(404);
    expect((await admin.call("HEAD", "/configs")).status).toBe(404);
  });
});

describe("bodies", () => {
  const padded = (bytes: number): string => {
    const start =
      '{"uri":"/big","upstream":{"nodes":{"127.0.0.1:80":1}},"plugins":{"echo":{"body":"';
    return `${start}${"x".repeat(bytes - start.length - 4)}"}}}`;
  };

  test("up to 1.5 MiB are taken, more are not", async () => {
    expect((await admin.call("PUT", "/routes/big", padded(1_572_864))).status).toBe(201);
    const reply = await admin.call("PUT", "/routes/big", padded(1_572_865));
    expect(reply.status).toBe(400);
    expect(reply.body).toEqual({
      error_msg:
        "invalid request body: request size 1572865 is greater than the maximum size 1572864 allowed",
    });
    await admin.call("DELETE", "/routes/big");
  });

  test("are cut off when they do not say how long they are", async () => {
    const chunk = "x".repeat(65_536);
    const head = `PUT /apisix/admin/routes/1 HTTP/1.1\r\nHost: a\r\nX-API-KEY: ${adminKey}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const reply = await new Promise<string>((resolve, reject) => {
      const socket = connect(admin.port, "127.0.0.1", () => {
        socket.write(head);
        for (let i = 0; i < 40; i++) socket.write(`10000\r\n${chunk}\r\n`);
      });
      socket.on("error", reject);
      socket.on("data", (data) => {
        resolve(data.toString());
        socket.destroy();
      });
    });
    expect(reply).toStartWith("HTTP/1.1 400");
    expect(reply).toContain("is greater than the maximum size 1572864 allowed");
  });

  const bad: readonly (readonly [string, string, string])[] = [
    ["a trailing comma", '{\n  "uri": "/a",\n}', "trailing comma before } at line 2, column 14"],
    ["an open string", '{"uri": "/a', "string is not closed at line 1, column 9"],
    ["two values", "{} {}", "line 1, column 4"],
    ["blanks alone", "  \n ", "line 2, column 2"],
    ["nesting without end", "[".repeat(100_000), "nested deeper than 64 levels"],
    [
      "a number that no double holds",
      '{"a": 12345678901234567890}',
      "number 12345678901234567890 at character 7 cannot be stored exactly",
    ],
  ];
  test.each(bad)("%s is refused with its place", async (_, body, message) => {
    const reply = await admin.call("PUT", "/routes/1", body);
    expect(reply.status).toBe(400);
    const { error_msg, req_body } = Object(reply.body);
    expect(error_msg).toStartWith("invalid request body: ");
    expect(error_msg).toContain(message);
    expect(req_body).toBe(body);
  });

  test("that are not UTF-8 are refused", async () => {
    const response = await fetch(`http://127.0.0.1:${admin.port}/apisix/admin/routes/1`, {
      method: "PUT",
      headers: { "X-API-KEY": adminKey },
      body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error_msg: "invalid request body: not UTF-8" });
  });

  test("are read for reads and deletes, too", async () => {
    expect((await admin.call("DELETE", "/routes/none", "{")).status).toBe(400);
  });

  test("a member called __proto__ is data and touches nothing", async () => {
    const text =
      '{"uri":"/a","upstream":{"nodes":{"127.0.0.1:80":1}},"plugins":{"cors":{"__proto__":{"polluted":1}}}}';
    expect((await admin.call("PUT", "/routes/proto", text)).status).toBe(201);
    const patch = '{"plugins":{"__proto__":{"polluted":1},"cors":{"__proto__":{"polluted":2}}}}';
    const reply = await admin.call("PATCH", "/routes/proto", patch);
    // Like any other name that is no plugin's.
    expect(reply.body).toEqual({ error_msg: "unknown plugin [__proto__]" });
    expect((await admin.call("PATCH", "/routes/proto/__proto__/x", "1")).status).toBe(400);
    const stored = await bed.store.get("/apisix/routes/proto");
    expect(stored?.value).toContain('"cors":{"__proto__":{"polluted":1}}');
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
    await admin.call("DELETE", "/routes/proto");
  });
});

describe("paths", () => {
  const cases: readonly (readonly [string, string, string, number, string])[] = [
    ["a kind that is not known", "GET", "/nope", 404, "Unsupported resource type: nope"],
    ["a name of an older API", "GET", "/ssl", 404, "Unsupported resource type: ssl"],
    [
      "decorations of a service",
      "PUT",
      "/services/1/graphql_cost_decorations/1",
      404,
      "Unsupported resource type: graphql_cost_decorations",
    ],
    ["the API itself", "GET", "", 404, "not found"],
    ["a method that schemas lack", "PUT", "/schema/route", 404, "not found"],
    ["a method that plugins lack", "DELETE", "/plugins/key-auth", 404, "not found"],
    [
      "the whole configuration, which is of another mode",
      "PUT",
      "/configs",
      404,
      "Unsupported resource type: configs",
    ],
  ];
  test.each(cases)("%s", async (_, method, path, status, error_msg) => {
    const reply = await admin.call(method, path, method === "GET" ? undefined : {});
    expect({ status: reply.status, body: reply.body }).toEqual({ status, body: { error_msg } });
  });

  test("an id that cannot be one names nothing, encoded or not", async () => {
    await admin.call("PUT", "/consumers", { username: "jack" });
    await admin.call("PUT", "/consumers/jack/credentials/c1", { plugins: {} });
    for (const path of [
      "/consumers/jack%2Fcredentials%2Fc1",
      "/routes/%zz",
      "/routes/%00",
      "/routes/a%20b",
    ]) {
      for (const method of ["GET", "DELETE"]) {
        const reply = await admin.call(method, path);
        expect({ path, status: reply.status, body: reply.body }).toEqual({
          path,
          status: 404,
          body: { message: "Key not found" },
        });
      }
    }
    expect((await admin.call("GET", "/consumers/jack/credentials/c1")).status).toBe(200);
    await admin.call("DELETE", "/consumers/jack");
  });

  test("a Host that makes no URL, or none, or a method for proxies, is answered without a crash", async () => {
    const headers = { "X-API-KEY": adminKey };
    const path = "/apisix/admin/routes";
    for (const [request, expected] of [
      [{ method: "GET", path, headers: { ...headers, Host: "a" } }, 200],
      [{ method: "GET", path, headers: { ...headers, Host: "a b" } }, 400],
      [{ method: "GET", path: "http://[", headers }, 404],
      [{ method: "CONNECT", path, headers }, 404],
    ] as const) {
      const { status } = await callRaw(admin.port, request);
      expect({ request, status }).toEqual({ request, status: expected });
    }
    expect((await admin.call("GET", "/routes")).status).toBe(200);
  });
});
