import { plugins } from "@catena/plugins";
import type { Kind } from "@catena/schema";
import type { HealthReport } from "@catena/upstream";
import { Elysia } from "elysia";
import { formatHealthPage } from "./health-page.ts";
import { describeSchemas } from "./schema-document.ts";

/** A stored resource as the Control API shows it. */
export interface ControlItem {
  readonly key: string;
  readonly value: unknown;
  readonly createdIndex: number;
  readonly modifiedIndex: number;
}

/** What the Control API reads; always of this moment. */
export interface ControlSource {
  items(kind: Kind): readonly ControlItem[];
  item(kind: Kind, id: string): ControlItem | null;
  /** Every owner of an upstream with `checks`, those not used yet included. */
  health(): readonly HealthReport[];
  /** `/apisix` */
  readonly prefix: string;
}

/** Plural and singular paths of the kinds that are shown (apisix/control/v1.lua). */
const shown = [
  ["routes", "route"],
  ["services", "service"],
  ["upstreams", "upstream"],
] as const satisfies readonly (readonly [Kind, string])[];

const healthKinds = new Set(["routes", "services", "upstreams", "stream_routes"]);

/**
 * APISIX's Control API, version 1: what is loaded and how healthy nodes are. The value of an item is
 * the stored document without its secrets, which APISIX shows, and without the defaults that APISIX adds.
 */
export function createV1Api(source: ControlSource) {
  const app = new Elysia({ prefix: "/v1", normalize: false, handler: { standardHostname: false } });
  for (const [kind, singular] of shown) {
    app
      .get(`/${kind}`, () => source.items(kind))
      .get(`/${singular}/:id`, ({ params: { id }, set }) => {
        const item = source.item(kind, id);
        if (item !== null) return item;
        set.status = 404;
        return { error_msg: `${singular}[${id}] not found` };
      });
  }
  return (
    app
      .get("/schema", () => describeSchemas(plugins.registry))
      .get("/plugin_metadatas", () => source.items("plugin_metadata").map(({ value }) => value))
      .get("/plugin_metadata/:name", ({ params: { name }, set }) => {
        const item = source.item("plugin_metadata", name);
        if (item !== null) return item.value;
        set.status = 404;
        return { error_msg: `plugin metadata[${name}] not found` };
      })
      .get("/healthcheck", ({ headers, set }) => {
        const reports = source.health().map((report) => toReport(report, source.prefix));
        if (headers["accept"]?.includes("text/html") !== true) return reports;
        set.headers["content-type"] = "text/html; charset=utf-8";
        return formatHealthPage(reports);
      })
      .get("/healthcheck/:kind", ({ params: { kind }, set }) => {
        set.status = healthKinds.has(kind) ? 404 : 400;
        return healthKinds.has(kind)
          ? { error_msg: `missing src id for src type ${kind}` }
          : { error_msg: `invalid src type ${kind}` };
      })
      .get("/healthcheck/:kind/:id", ({ params: { kind, id }, headers, set }) => {
        if (!healthKinds.has(kind)) {
          set.status = 400;
          return { error_msg: `invalid src type ${kind}` };
        }
        const report = source.health().find(({ owner }) => owner === `${kind}/${id}`);
        if (report === undefined) {
          set.status = 404;
          const exists = shown.some(([name]) => name === kind && source.item(name, id) !== null);
          return exists
            ? { error_msg: `no checker for ${kind}[${id}]` }
            : { error_msg: `${kind}[${id}] not found` };
        }
        const shownReport = toReport(report, source.prefix);
        if (headers["accept"]?.includes("text/html") !== true) return shownReport;
        set.headers["content-type"] = "text/html; charset=utf-8";
        return formatHealthPage([shownReport]);
      })
      // The plugins are those of the build: there is nothing to load again.
      .put("/plugins/reload", () => "done")
      .post("/gc", () => {
        Bun.gc(true);
        return "";
      })
  );
}

/** A report as APISIX words it. */
export interface NamedHealthReport extends Pick<HealthReport, "type" | "nodes"> {
  /** The store's key of the owner. */
  readonly name: string;
}

function toReport({ owner, type, nodes }: HealthReport, prefix: string): NamedHealthReport {
  return { name: `${prefix}/${owner}`, type, nodes };
}
