import { describe, expect, test } from "bun:test";
import type { GatewayReply, PluginServices } from "@catena/pipeline";
import type { JsonObject } from "@catena/schema";
import { MetricTable } from "./metrics/metric-table.ts";
import { requestMetrics } from "./metrics/request-metrics.ts";
import { PluginBed } from "./plugin.testbed.ts";
import { prometheus } from "./prometheus.ts";

function setUp(metadata: JsonObject = {}, upstream?: () => GatewayReply) {
  const kept = new Map<string, unknown>();
  const survivors: PluginServices["survivors"] = {
    get: <T>(plugin: string, owner: string, make: () => T): T => {
      if (!kept.has(plugin + owner)) kept.set(plugin + owner, make());
      return kept.get(plugin + owner) as T;
    },
  };
  const bed = (conf = {}) =>
    new PluginBed([[prometheus, conf]], {
      services: { survivors },
      metadata: { prometheus: metadata },
      ...(upstream === undefined ? {} : { upstream }),
    });
  const text = (nodeHealth: PluginServices["nodeHealth"] = () => []): string =>
    requestMetrics({ survivors }).text({ nodeHealth });
  return { bed, text, survivors };
}

const series = (text: string, name: string): readonly string[] =>
  text.split("\n").filter((line) => line.startsWith(name));

describe("requests are counted", () => {
  test("by status, with APISIX's labels in their order", async () => {
    const { bed, text } = setUp();
    const one = bed();
    await one.ask({ target: "/a" });
    await one.ask({ target: "/b" });
    expect(series(text(), "apisix_http_status{")).toEqual([
      'apisix_http_status{code="200",route="",matched_uri="",matched_host="",service="",consumer="",node="",request_type="traditional_http",request_llm_model="",llm_model="",response_source="upstream"} 2',
    ]);
  });

  test("by bytes, at the end of what streams", async () => {
    const body = () =>
      new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new Uint8Array(1000));
          controller.close();
        },
      });
    const { bed, text } = setUp({}, () => ({
      status: 200,
      headers: [],
      body: body(),
      source: "upstream",
    }));
    await bed().ask();
    const [egress] = series(text(), 'apisix_bandwidth{type="egress"');
    expect(Number(egress?.split(" ").at(-1))).toBeGreaterThan(1000);
  });

  test("by time", async () => {
    const { bed, text } = setUp();
    await bed().ask();
    const buckets = series(text(), 'apisix_http_latency_bucket{type="request"');
    expect(buckets).toHaveLength(16);
    expect(buckets.at(-1)).toEndWith('le="+Inf"} 1');
    expect(series(text(), 'apisix_http_latency_bucket{type="upstream"')).toHaveLength(0);
    expect(series(text(), 'apisix_http_latency_count{type="apisix"')).toHaveLength(1);
  });

  test("without labels that the metadata leaves out", async () => {
    const { bed, text } = setUp({ disabled_labels: { http_status: ["response_source"] } });
    await bed().ask();
    expect(series(text(), "apisix_http_status{")[0]).toContain('response_source=""');
  });

  test("once, where two instances see them", async () => {
    const { text, survivors } = setUp();
    const other = { ...prometheus, schema: { ...prometheus.schema, name: "of-the-route" } };
    const both = new PluginBed(
      [
        [prometheus, {}],
        [other, { prefer_name: true }],
      ],
      { services: { survivors } },
    );
    await both.ask();
    expect(series(text(), "apisix_http_status{")[0]).toEndWith("} 1");
  });
});

test("nodes that are checked are up or down", () => {
  const { text } = setUp();
  const counter = { success: 0, http_failure: 0, tcp_failure: 0, timeout_failure: 0 };
  const node = (port: number, status: "healthy" | "unhealthy") => ({
    ip: "127.0.0.1",
    port,
    hostname: "a",
    status,
    counter,
  });
  const nodes = [node(1, "healthy"), node(2, "unhealthy")];
  const page = text(() => [{ owner: "upstreams/1", type: "http", nodes }]);
  expect(series(page, "apisix_upstream_status{")).toEqual([
    'apisix_upstream_status{name="/apisix/upstreams/1",ip="127.0.0.1",port="1"} 1',
    'apisix_upstream_status{name="/apisix/upstreams/1",ip="127.0.0.1",port="2"} 0',
  ]);
  expect(series(text(), "apisix_upstream_status{")).toHaveLength(0);
});

describe("a table of metrics", () => {
  test("escapes what labels hold", () => {
    const table = new MetricTable("", []);
    table.define("a", "counter", "help", ["x"]);
    table.add("a", ['"\\\n'], 1);
    expect(table.text()).toContain('a{x="\\"\\\\\\n"} 1\n');
  });

  test("does not grow without end, and tells what it left out", () => {
    const table = new MetricTable("p_", []);
    table.define("a", "counter", "help", ["x"]);
    for (let i = 0; i < 20_005; i++) table.add("a", [String(i)], 1);
    expect(table.text()).toContain("p_nginx_metric_errors_total 5\n");
  });

  test("has buckets that hold all that is smaller", () => {
    const table = new MetricTable("", [1, 10]);
    table.define("h", "histogram", "help", []);
    for (const value of [0.5, 5, 50]) table.observe("h", [], value);
    expect(table.text()).toStartWith(
      '# HELP h help\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="10"} 2\nh_bucket{le="+Inf"} 3\nh_count 3\nh_sum 55.5\n',
    );
  });
});
