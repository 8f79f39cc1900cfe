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

test("is made when asked for, and kept until something changed", () => {
  const routes = new Map<string, unknown>([["a", { uri: "/a", methods: ["GET"] }]]);
  const { document, reads } = documentOf(routes);
  expect(reads()).toBe(0);
  const first = document.text("/");
  expect(document.text("/")).toBe(first);
  expect(reads()).toBe(1);
  routes.set("b", { uri: "/b", methods: ["GET"] });
  document.forget();
  expect(reads()).toBe(1);
  expect(Object.keys(JSON.parse(document.text("/")).paths)).toEqual(["/a", "/b"]);
  expect(reads()).toBe(2);
});

test("names the server that whoever asks reaches", () => {
  const { document } = documentOf(new Map());
  const servers = ["/", "http://127.0.0.1:9080", "/"].map((one) => JSON.parse(document.text(one)));
  expect(servers.map((one) => one.servers)).toEqual([
    [{ url: "/" }],
    [{ url: "http://127.0.0.1:9080" }],
    [{ url: "/" }],
  ]);
});

test("leaves out what is no document", () => {
  const { document } = documentOf(
    new Map<string, unknown>([
      ["a", null],
      ["b", "text"],
    ]),
  );
  expect(JSON.parse(document.text("/")).paths).toEqual({});
});
