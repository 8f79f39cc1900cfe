import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@catena/testkit";
import { repositoryRoot } from "../lib/repository.ts";

const folder = mkdtempSync(join(tmpdir(), "catena-up-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function up(args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const address = async () => `127.0.0.1:${await freePort()}`;
  const child = Bun.spawn(["bun", "scripts/up.ts", ...args], {
    cwd: repositoryRoot,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: {
      ...process.env,
      CATENA_UP_FOLDER: folder,
      CATENA_LISTEN: await address(),
      CATENA_ADMIN_LISTEN: await address(),
      CATENA_CONTROL_LISTEN: await address(),
      ...more,
    },
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { stdout, stderr, code };
}

const limitMs = 120_000;

describe("scripts/up", () => {
  test(
    "shows one request with each of its calls, and may be repeated",
    async () => {
      const first = await up(["--once"]);
      expect(first).toMatchObject({ stderr: "", code: 0 });
      const shown = first.stdout.split("\n").map((line) => line.trim().split("  ")[0]);
      for (const line of ["1", "2", "3", "4", "201 Created"]) expect(shown).toContain(line);
      expect(first.stdout).toContain("8 to create, 0 to update, 0 to delete, 0 unchanged");
      const second = await up(["--once"]);
      expect(second).toMatchObject({ stderr: "", code: 0 });
      expect(second.stdout).toContain("0 to create, 0 to update, 0 to delete, 8 unchanged");
    },
    limitMs,
  );

  test(
    "does the same on a real etcd",
    async () => {
      const { stdout, stderr, code } = await up(["--etcd", "--once"]);
      expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
      expect(stdout).toMatch(/deployed: revision \d+ of etcd:\/\/127\.0\.0\.1:\d+/);
      expect(stdout).toContain("201 Created");
    },
    limitMs,
  );

  test("names an address that is taken, and the variable that moves it", async () => {
    const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const address = `127.0.0.1:${listener.port}`;
    const { stderr, code } = await up(["--once"], { CATENA_LISTEN: address });
    listener.stop(true);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `${address} (the gateway) is taken by another program; set CATENA_LISTEN`,
    );
  });
});
