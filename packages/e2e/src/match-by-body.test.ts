import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type GatewayBed, startGatewayBed } from "./bed/gateway-bed.ts";
import { type Service, startService } from "./bed/service.ts";
import { type StoreBed, storeKinds } from "./bed/stores.ts";

const json = "application/json";
const form = "application/x-www-form-urlencoded";
const repos = "query getRepo { owner { name } repo { created } }";

for (const kind of storeKinds) {
  describe(`routes chosen by the body, configured in ${kind.name}`, () => {
    let storeBed: StoreBed;
    let bed: GatewayBed;
    let service: Service;

    beforeAll(async () => {
      storeBed = await kind.start();
      bed = await startGatewayBed({ storeUrl: storeBed.url });
      service = startService(({ method, body }) => new Response(`${method} ${body.length}`));
      const upstream = { type: "roundrobin", nodes: { [service.node]: 1 } };
      const says = (by: string) => ({
        upstream,
        plugins: { "response-rewrite": { headers: { set: { "x-by": by } } } },
      });
      await bed.put({
        "routes/form": {
          uri: "/a",
          priority: 2,
          vars: [["post_arg_name", "==", "f"]],
          ...says("form"),
        },
        "routes/json": {
          uri: "/a",
          priority: 2,
          vars: [["post_arg.name", "==", "j"]],
          ...says("json"),
        },
        "routes/path": {
          uri: "/a",
          priority: 2,
          vars: [["post_arg.messages[*].content[*].type", "has", "image_url"]],
          ...says("path"),
        },
        "routes/graphql": {
          uri: "/a",
          priority: 2,
          vars: [
            ["graphql_operation", "==", "query"],
            ["graphql_name", "==", "getRepo"],
            ["graphql_root_fields", "has", "owner"],
          ],
          ...says("graphql"),
        },
        "routes/other": {
          uri: "/a",
          vars: [["post_arg.name", "!", "==", "none"]],
          ...says("other"),
        },
        "routes/filtered": {
          uri: "/filtered",
          upstream,
          plugins: {
            "fault-injection": {
              abort: { http_status: 418 },
              _meta: { filter: [["post_arg.name", "==", "j"]] },
            },
            "response-rewrite": {
              headers: { set: { "x-by": "filter" } },
              _meta: { filter: [["post_arg.say", "==", true]] },
            },
          },
        },
      });
    });

    afterAll(async () => {
      await bed.stop();
      await storeBed.stop();
      await service.stop();
    });

    const ask = async (path: string, type: string, body?: string) => {
      const init = body === undefined ? {} : { method: "POST", body };
      const response = await fetch(bed.url + path, { ...init, headers: { "content-type": type } });
      return {
        status: response.status,
        by: response.headers.get("x-by"),
        body: await response.text(),
      };
    };

    const long = JSON.stringify({ name: "j", fill: "x".repeat(300_000) });
    const cases: [name: string, type: string, body: string, by: string][] = [
      ["a field of a form", form, "x=1&name=f", "form"],
      ["a member of JSON", json, '{"name":"j"}', "json"],
      ["a member of a long body", json, long, "json"],
      ["a path", json, '{"messages":[{"content":[{"type":"image_url"}]}]}', "path"],
      ["a GraphQL query", "application/graphql", repos, "graphql"],
      ["a GraphQL query in JSON", json, JSON.stringify({ query: repos }), "graphql"],
      ["none of them", json, '{"name":"x"}', "other"],
      ["no JSON", json, "{", "other"],
    ];
    test.each(cases)("by %s, and the body goes on whole", async (_, type, body, by) => {
      expect(await ask("/a", type, body)).toEqual({
        status: 200,
        by,
        body: `POST ${body.length}`,
      });
    });

    test("a body in chunks", async () => {
      const body = new ReadableStream({
        start(controller) {
          for (const part of ['{"na', 'me":"j"}'])
            controller.enqueue(new TextEncoder().encode(part));
          controller.close();
        },
      });
      const response = await fetch(`${bed.url}/a`, {
        method: "POST",
        body,
        headers: { "content-type": json },
      });
      expect([response.headers.get("x-by"), await response.text()]).toEqual(["json", "POST 12"]);
    });

    test("a GET by its query, and without one", async () => {
      const query = encodeURIComponent(repos);
      expect(await ask(`/a?query=${query}`, json)).toMatchObject({ by: "graphql" });
      expect(await ask("/a", json)).toMatchObject({ by: "other" });
    });

    test("no route takes it", async () => {
      const { status, body } = await ask("/a", json, '{"name":"none"}');
      expect([status, body]).toEqual([404, '{"error_msg":"404 Route Not Found"}\n']);
    });

    test("a plugin runs by the body", async () => {
      expect(await ask("/filtered", json, '{"name":"j"}')).toMatchObject({ status: 418, by: null });
      expect(await ask("/filtered", json, '{"say":true}')).toEqual({
        status: 200,
        by: "filter",
        body: "POST 12",
      });
      expect(await ask("/filtered", json, "{}")).toMatchObject({ status: 200, by: null });
    });
  });
}
