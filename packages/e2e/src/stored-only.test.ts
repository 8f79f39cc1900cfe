import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CatenaProcess, startCatena } from "./bed/catena-process.ts";
import { until } from "./bed/gateway-bed.ts";
import { type StoreBed, storeKinds } from "./bed/stores.ts";

setDefaultTimeout(60_000);

const adminKey = "stored-only-test-admin-key";

describe.each(storeKinds)("kinds that are stored in $name and not served", ({ start }) => {
  let folder: string;
  let bed: StoreBed;
  let catena: CatenaProcess;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "catena-stored-"));
    bed = await start();
    catena = await startCatena(["start"], folder, {
      CATENA_STORE: bed.url,
      CATENA_ADMIN_KEY: adminKey,
    });
  });
  afterAll(async () => {
    await catena?.stop();
    await bed?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function call(method: string, path: string, body?: object) {
    const reply = await fetch(`${catena.adminUrl}/apisix/admin${path}`, {
      method,
      headers: { "x-api-key": adminKey },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const value: unknown = await reply.json();
    return { status: reply.status, value };
  }

  const status = async () => {
    const shown: unknown = await (await fetch(`${catena.controlUrl}/status`)).json();
    return Object(shown);
  };
  const unserved = async (): Promise<unknown> => (await status()).unserved;

  test("a stream route is written, read and told to be unserved, until it is gone", async () => {
    const route = {
      server_port: 9100,
      remote_addr: "127.0.0.0/8",
      upstream: { nodes: { "127.0.0.1:1995": 1 }, type: "roundrobin" },
    };
    expect((await call("PUT", "/stream_routes/tcp", route)).status).toBe(201);
    expect((await call("GET", "/stream_routes/tcp")).value).toMatchObject({ value: route });
    await until(async () => Bun.deepEquals((await status()).resources, { stream_routes: 1 }));
    expect(await unserved()).toEqual([
      {
        resource: "stream_routes/tcp",
        reason: "TCP and UDP are not served; the stream route is kept for others",
      },
    ]);
    expect((await status()).status).toBe("ok");
    expect((await call("DELETE", "/stream_routes/tcp")).status).toBe(200);
    await until(async () => Bun.deepEquals(await unserved(), []));
  });

  test("a proto is written and read; the plugin that would use it is refused", async () => {
    const proto = { content: 'syntax = "proto3"; package a; message M { string b = 1; }' };
    expect((await call("PUT", "/protos/p", proto)).status).toBe(201);
    expect((await call("GET", "/protos/p")).value).toMatchObject({ value: proto });
    await until(async () => Bun.deepEquals((await status()).resources, { protos: 1 }));
    expect(await unserved()).toEqual([]);
    const plugins = { "grpc-transcode": { proto_id: "p", service: "a.S", method: "M" } };
    const upstream = { nodes: { "127.0.0.1:50051": 1 }, type: "roundrobin", scheme: "grpc" };
    expect(await call("PUT", "/routes/grpc", { uri: "/grpc", plugins, upstream })).toEqual({
      status: 400,
      value: {
        error_msg:
          "unknown plugin [grpc-transcode]: messages of gRPC are passed on, not translated",
      },
    });
    expect((await call("DELETE", "/protos/p")).status).toBe(200);
  });
});
