import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type AdminBed, startAdmin } from "../testbed/admin-bed.ts";
import { type StoreBed, startSqlite } from "../testbed/store-beds.ts";

const nodes = { "127.0.0.1:80": 1 };
const split = { rules: [{ weighted_upstreams: [{ upstream_id: "u" }] }] };
const chain = { services: [{ upstream_id: "u", uri: "/x" }] };

/** A resource, one that uses it, and why it therefore cannot be deleted. */
const cases: readonly (readonly [
  target: string,
  user: string,
  value: object,
  message: string | null,
])[] = [
  [
    "upstreams/u",
    "routes/r",
    { upstream_id: "u" },
    "can not delete this upstream, route [r] is still using it now",
  ],
  [
    "upstreams/u",
    "services/s",
    { upstream_id: "u" },
    "can not delete this upstream, service [s] is still using it now",
  ],
  [
    "upstreams/u",
    "routes/r",
    { plugins: { "traffic-split": split } },
    "can not delete this upstream, plugin in route [r] is still using it now",
  ],
  [
    "upstreams/u",
    "routes/r",
    { plugins: { "proxy-chain": chain } },
    "can not delete this upstream, plugin in route [r] is still using it now",
  ],
  [
    "upstreams/u",
    "services/s",
    { plugins: { "traffic-split": split } },
    "can not delete this upstream, plugin in service [s] is still using it now",
  ],
  [
    "upstreams/u",
    "plugin_configs/p",
    { plugins: { "traffic-split": split } },
    "can not delete this upstream, plugin in plugin_config [p] is still using it now",
  ],
  [
    "upstreams/u",
    "consumers/c",
    { plugins: { "traffic-split": split } },
    "can not delete this upstream, plugin in consumer [c] is still using it now",
  ],
  [
    "upstreams/u",
    "consumer_groups/g",
    { plugins: { "traffic-split": split } },
    "can not delete this upstream, plugin in consumer_group [g] is still using it now",
  ],
  [
    "upstreams/u",
    "global_rules/g",
    { plugins: { "traffic-split": split } },
    "can not delete this upstream, plugin in global_rules [g] is still using it now",
  ],
  [
    "upstreams/1",
    "routes/r",
    { upstream_id: 1 },
    "can not delete this upstream, route [r] is still using it now",
  ],
  ["upstreams/u", "routes/r", { upstream_id: "u2" }, null],
  ["upstreams/u", "routes/r", { service_id: "u" }, null],
  [
    "services/s",
    "routes/r",
    { service_id: "s" },
    "can not delete this service directly, route [r] is still using it now",
  ],
  [
    "services/s",
    "stream_routes/t",
    { service_id: "s" },
    "can not delete this service directly, stream_route [t] is still using it now",
  ],
  [
    "plugin_configs/p",
    "routes/r",
    { plugin_config_id: "p" },
    "can not delete this plugin config, route [r] is still using it now",
  ],
  [
    "consumer_groups/g",
    "consumers/c",
    { group_id: "g" },
    "can not delete this consumer group, consumer [c] is still using it now",
  ],
  [
    "protos/p",
    "routes/r",
    { plugins: { "grpc-transcode": { proto_id: "p" } } },
    "can not delete this proto, route [r] is still using it now",
  ],
  [
    "protos/p",
    "services/s",
    { plugins: { "grpc-transcode": { proto_id: "p" } } },
    "can not delete this proto, service [s] is still using it now",
  ],
  [
    "stream_routes/t",
    "stream_routes/sub",
    { protocol: { name: "redis", superior_id: "t" } },
    "can not delete this stream route directly, stream route [sub] is still using it as superior_id",
  ],
  ["stream_routes/t", "stream_routes/other", { protocol: { name: "redis" } }, null],
  ["ssls/1", "upstreams/u", { tls: { client_cert_id: "1" } }, null],
  ["routes/r", "routes/other", {}, null],
  ["secrets/vault/1", "routes/r", {}, null],
];

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
beforeEach(async () => {
  const { entries } = await bed.store.list("/apisix/");
  await bed.store.transact({
    comparisons: [],
    operations: entries.map(({ key }) => ({ kind: "delete", key })),
  });
});

async function store(values: Readonly<Record<string, object>>): Promise<void> {
  await bed.store.transact({
    comparisons: [],
    operations: Object.entries(values).map(([name, value]) => ({
      kind: "put",
      key: `/apisix/${name}`,
      value: JSON.stringify(value),
    })),
  });
}

describe("a resource in use", () => {
  test.each(cases)("%s, used by %s %j", async (target, user, value, message) => {
    await store({ [target]: { nodes }, [user]: value });
    const reply = await admin.call("DELETE", `/${target}`);
    const deleted = { deleted: "1", key: `/apisix/${target}` };
    expect({ status: reply.status, body: reply.body }).toEqual(
      message === null
        ? { status: 200, body: deleted }
        : { status: 400, body: { error_msg: message } },
    );
    expect((await bed.store.get(`/apisix/${target}`)) === null).toBe(message === null);
  });

  test("goes when its last user has gone", async () => {
    await store({ "upstreams/u": { nodes }, "routes/r": { upstream_id: "u" } });
    expect((await admin.call("DELETE", "/upstreams/u")).status).toBe(400);
    await admin.call("DELETE", "/routes/r");
    expect((await admin.call("DELETE", "/upstreams/u")).status).toBe(200);
  });

  test("goes by force alone, said exactly", async () => {
    await store({ "upstreams/u": { nodes }, "routes/r": { upstream_id: "u" } });
    for (const force of ["1", "TRUE", "", "yes"]) {
      expect((await admin.call("DELETE", `/upstreams/u?force=${force}`)).status).toBe(400);
    }
    expect((await admin.call("DELETE", "/upstreams/u?force=true")).status).toBe(200);
  });

  test("is not held back by what only points at it and is broken", async () => {
    await store({ "upstreams/u": { nodes }, "routes/r": [{ upstream_id: "u" }] });
    expect((await admin.call("DELETE", "/upstreams/u")).status).toBe(200);
  });
});
