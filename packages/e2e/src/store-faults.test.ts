import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EtcdServer, freePort, startEtcd } from "@catena/testkit";
import { runCatena, startCatena } from "./bed/catena-process.ts";
import { until } from "./bed/gateway-bed.ts";
import { type Service, startEcho } from "./bed/service.ts";

interface Status {
  readonly status: string;
  readonly store: {
    readonly connected: boolean;
    readonly reason: string | null;
    readonly held: { readonly keys: readonly string[] } | null;
  };
}

describe("an etcd that is down", () => {
  let folder: string;
  let upstream: Service;
  let etcd: EtcdServer;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "catena-faults-"));
    upstream = startEcho();
    etcd = await startEtcd();
    writeFileSync(
      join(folder, "routes.ts"),
      `import { route } from "@catena/dsl";
       export const one = route({ uri: "/one", upstream: { nodes: { "${upstream.node}": 1 } } });
       export const two = route({ uri: "/two", upstream: { nodes: { "${upstream.node}": 1 } } });`,
    );
  });

  afterEach(async () => {
    await etcd.stop();
    await upstream.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const deploy = (url: string) => runCatena(["deploy", "routes.ts", "--store", url], folder);
  const statusOf = async (url: string) => (await (await fetch(`${url}/status`)).json()) as Status;
  const answers = (url: string, status: number) =>
    until(
      async () => {
        const response = await fetch(url);
        await response.text();
        return response.status === status;
      },
      () => `${url} to answer ${status}`,
    );

  test("at deploy: a clear error, exit code 3, and nothing half-written", async () => {
    await etcd.kill();
    const result = await deploy(etcd.url);
    expect(result.code).toBe(3);
    expect(result.stderr).toContain(`store ${etcd.url} does not answer`);
    await etcd.restart();
    const again = await deploy(etcd.url);
    expect(again.stdout).toContain("2 to create, 0 to update, 0 to delete, 0 unchanged");
    expect(again.code).toBe(0);
  });

  test("at start: the gateway keeps trying, says so, and serves when it comes", async () => {
    expect(await deploy(etcd.url)).toMatchObject({ code: 0 });
    await etcd.kill();
    const catena = await startCatena(["start"], folder, { CATENA_STORE: etcd.url });
    const { status, store } = await statusOf(catena.controlUrl);
    expect(status).toBe("starting");
    expect(store.connected).toBe(false);
    expect(store.reason).not.toBeNull();
    expect((await fetch(`${catena.controlUrl}/status/ready`)).status).toBe(503);
    expect((await fetch(`${catena.url}/one`)).status).toBe(503);
    await etcd.restart();
    await answers(`${catena.url}/one`, 200);
    expect((await fetch(`${catena.controlUrl}/status/ready`)).status).toBe(200);
    expect(await catena.stop()).toBe(0);
  }, 60_000);

  test("later: what was loaded goes on serving, and changes arrive when it is back", async () => {
    expect(await deploy(etcd.url)).toMatchObject({ code: 0 });
    const catena = await startCatena(["start"], folder, { CATENA_STORE: etcd.url });
    await answers(`${catena.url}/one`, 200);
    await etcd.kill();
    await until(async () => !(await statusOf(catena.controlUrl)).store.connected);
    expect((await fetch(`${catena.url}/one`)).status).toBe(200);
    expect((await statusOf(catena.controlUrl)).status).toBe("degraded");
    await etcd.restart();
    writeFileSync(
      join(folder, "more.ts"),
      `import { route } from "@catena/dsl";
       export const three = route({ uri: "/three", upstream: { nodes: { "${upstream.node}": 1 } } });`,
    );
    const more = ["deploy", "more.ts", "--name", "more", "--store", etcd.url];
    expect(await runCatena(more, folder)).toMatchObject({ code: 0 });
    await answers(`${catena.url}/three`, 200);
    expect(await catena.stop()).toBe(0);
  }, 60_000);

  test("back without its data: nothing is deleted until an operator says so", async () => {
    expect(await deploy(etcd.url)).toMatchObject({ code: 0 });
    const catena = await startCatena(["start"], folder, { CATENA_STORE: etcd.url });
    await answers(`${catena.url}/one`, 200);
    await etcd.wipe();
    await etcd.restart();
    await until(
      async () => (await statusOf(catena.controlUrl)).store.held !== null,
      () => "the gateway to hold deletions",
    );
    expect((await fetch(`${catena.url}/one`)).status).toBe(200);
    const accepted = await runCatena(["store", "accept"], folder, catena.environment);
    expect(accepted).toMatchObject({ code: 0, stdout: '{"deleted":2}\n' });
    await answers(`${catena.url}/one`, 404);
    expect(await catena.stop()).toBe(0);
  }, 60_000);
});

describe("an address that is taken", () => {
  test("ends start with code 1 and names the setting", async () => {
    const folder = mkdtempSync(join(tmpdir(), "catena-faults-"));
    const taken = startEcho();
    const result = await runCatena(["start"], folder, {
      CATENA_LISTEN: taken.node,
      CATENA_ADMIN_LISTEN: `127.0.0.1:${await freePort()}`,
      CATENA_CONTROL_LISTEN: `127.0.0.1:${await freePort()}`,
    });
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(`cannot listen on ${taken.node}`);
    expect(result.stderr).toContain("CATENA_LISTEN");
    await taken.stop();
    rmSync(folder, { recursive: true, force: true });
  });
});
