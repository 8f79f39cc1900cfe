import { describe, expect, test } from "bun:test";
import { FetchRequest, RequestContext, type RequestHandler, textReply } from "@catena/pipeline";
import { applyMeta, type PluginMeta, readMeta } from "./plugin-meta.ts";

function contextOf(path: string): RequestContext {
  return new RequestContext(
    new FetchRequest(new Request(`http://a.test${path}`), {
      requestIP: () => ({ address: "127.0.0.1", port: 1 }),
      timeout: () => undefined,
    }),
    "http",
    { rawHost: "a.test", host: "a.test", path, rawTarget: path, query: "" },
    0,
  );
}

const plain: PluginMeta = { disabled: false, priority: undefined, filter: null, errorBody: null };

describe("readMeta", () => {
  test.each([
    ["nothing", {}, plain],
    ["that a plugin is off", { _meta: { disable: true } }, { ...plain, disabled: true }],
    ["another priority", { _meta: { priority: -7 } }, { ...plain, priority: -7 }],
    ["a text", { _meta: { error_response: "no" } }, { ...plain, errorBody: "no" }],
    [
      "an object, as a line of JSON",
      { _meta: { error_response: { a: 1 } } },
      { ...plain, errorBody: '{"a":1}\n' },
    ],
  ])("reads %s", (_says, conf, value) => {
    expect(readMeta(conf)).toEqual({ value, issues: [] });
  });

  test("finds fault with a filter that is no expression", () => {
    const { value, issues } = readMeta({ _meta: { filter: [["arg_x", "??", "1"]] } });
    expect(value).toBeUndefined();
    expect(issues).toHaveLength(1);
  });
});

describe("_meta.error_response", () => {
  const run = (status: number, isLater: boolean, body: string | null = "sorry") => {
    const reply = textReply(status, "own words");
    reply.headers.push("WWW-Authenticate", "Basic", "Content-Length", "9");
    const access: RequestHandler = isLater ? async () => reply : () => reply;
    return applyMeta({ access }, { ...plain, errorBody: body }).access?.(contextOf("/"));
  };

  test.each([
    [400, false, "sorry"],
    [401, true, "sorry"],
    [503, false, "sorry"],
    [399, false, "own words"],
    [200, true, "own words"],
  ])("a reply of %p, later: %p, says %p", async (status, isLater, body) => {
    expect(await run(status, isLater)).toMatchObject({ status, body });
  });

  test("keeps the headers but those that tell of the body", async () => {
    const reply = await run(401, false);
    expect(reply).toMatchObject({
      headers: ["WWW-Authenticate", "Basic", "content-type", "text/plain; charset=utf-8"],
    });
  });

  test("leaves alone a plugin that lets the request pass", async () => {
    const access: RequestHandler = () => undefined;
    const handlers = applyMeta({ access }, { ...plain, errorBody: "sorry" });
    expect(handlers.access?.(contextOf("/"))).toBeUndefined();
  });
});

describe("_meta.filter", () => {
  test("is asked once per request, before the first phase, and decides for all of them", () => {
    const ran: string[] = [];
    let asked = 0;
    const handlers = applyMeta(
      {
        rewrite: () => void ran.push("rewrite"),
        access: () => void ran.push("access"),
        beforeProxy: () => void ran.push("beforeProxy"),
        headerFilter: () => void ran.push("headerFilter"),
        bodyFilter: () => void ran.push("bodyFilter"),
        log: () => void ran.push("log"),
      },
      {
        ...plain,
        filter: ({ path }) => {
          asked++;
          return path === "/in";
        },
      },
    );
    const pass = (path: string): readonly string[] => {
      const ctx = contextOf(path);
      const reply = textReply(200, "");
      void handlers.rewrite?.(ctx);
      void handlers.access?.(ctx);
      void handlers.beforeProxy?.(ctx);
      handlers.headerFilter?.(ctx, reply);
      handlers.bodyFilter?.(ctx, reply);
      handlers.log?.(ctx, reply);
      return ran.splice(0);
    };
    expect(pass("/in")).toEqual([
      "rewrite",
      "access",
      "beforeProxy",
      "headerFilter",
      "bodyFilter",
      "log",
    ]);
    expect(pass("/out")).toEqual([]);
    expect(asked).toBe(2);
  });
});
