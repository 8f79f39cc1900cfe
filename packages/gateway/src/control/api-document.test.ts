import { expect, test } from "bun:test";
import type { Kind } from "@catena/schema";
import { ApiDocument } from "./api-document.ts";

/** A document of some routes, and how often they were read. */
function documentOf(routes: Map<string, unknown>) {
  const read: Kind[] = [];
  const document = new ApiDocument("radixtree_uri", (kind) => {
    read.push(kind);
    return kind === "routes" ? routes : [];
  });
  const reads = () => read.filter((kind) => kind === "routes").length;
  return { document, reads };
}

test("is made when asked for, and kept until something changed", async () => {
  const routes = new Map<string, unknown>([["a", { uri: "/a", methods: ["GET"] }]]);
  const { document, reads } = documentOf(routes);
  expect(reads()).toBe(0);
  const first = await document.text("/");
  expect(await document.text("/")).toBe(first);
  expect(reads()).toBe(1);
  routes.set("b", { uri: "/b", methods: ["GET"] });
  document.forget();
  expect(reads()).toBe(1);
  expect(Object.keys(JSON.parse(await document.text("/")).paths)).toEqual(["/a", "/b"]);
  expect(reads()).toBe(2);
});

test("names the server that whoever asks reaches", async () => {
  const { document } = documentOf(new Map());
  const texts = ["/", "http://127.0.0.1:9080", "/"].map((one) => document.text(one));
  const servers = (await Promise.all(texts)).map((text) => JSON.parse(text));
  expect(servers.map((one) => one.servers)).toEqual([
    [{ url: "/" }],
    [{ url: "http://127.0.0.1:9080" }],
    [{ url: "/" }],
  ]);
});

test("leaves out what is no document", async () => {
  const { document } = documentOf(
    new Map<string, unknown>([
      ["a", null],
      ["b", "text"],
    ]),
  );
  expect(JSON.parse(await document.text("/")).paths).toEqual({});
});

test("is made beside other work, once for all who ask, and is of the moment they asked", async () => {
  const routes = new Map<string, unknown>();
  const conf = { v: 1, steps: [{ name: "a", value: 1 }], reply: { body: {} } };
  for (let i = 0; i < 2_000; i++) {
    routes.set(`r${i}`, { uri: `/${i}`, methods: ["GET"], plugins: { "proxy-chain": conf } });
  }
  const { document, reads } = documentOf(routes);
  let turns = 0;
  const counting = setInterval(() => turns++, 0);
  const asked = [document.text("/"), document.text("/")];
  routes.set("later", { uri: "/later" });
  document.forget();
  const after = document.text("/");
  const [one = "", other] = await Promise.all(asked);
  const paths = Object.keys(JSON.parse(one).paths);
  clearInterval(counting);
  expect(other).toBe(one);
  expect(turns).toBeGreaterThan(0);
  expect(paths).toHaveLength(2_000);
  expect(Object.keys(JSON.parse(await after).paths)).toContain("/later");
  expect(reads()).toBe(2);
});

test("is tried again when it could not be made", async () => {
  let fails = true;
  const document = new ApiDocument("radixtree_uri", () => {
    if (fails) throw new Error("not now");
    return [];
  });
  expect(document.text("/")).rejects.toThrow("not now");
  await document.text("/").catch(() => undefined);
  fails = false;
  expect(JSON.parse(await document.text("/")).paths).toEqual({});
});
