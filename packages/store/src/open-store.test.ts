import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isGatewayError } from "@catena/errors";
import { openStore } from "./open-store.ts";

const home = mkdtempSync(join(tmpdir(), "catena-open-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function failure(url: string): { code: string; text: string } {
  try {
    void openStore(url).close();
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    return { code: error.code, text: `${error.message} ${JSON.stringify(error.details)}` };
  }
  return { code: "no error", text: "" };
}

describe("openStore", () => {
  test("opens a file, and names it as it was given", async () => {
    const url = `sqlite:${join(home, "a store.db")}`;
    const store = openStore(url);
    expect(store.url).toBe(url);
    expect((await store.list("")).entries).toEqual([]);
    await store.close();
  });

  test.each([
    ["etcd://127.0.0.1:1", "etcd://127.0.0.1:1"],
    ["etcd://localhost", "etcd://localhost:2379"],
    ["etcd://a.test:1,b-2.test,[::1]:3/", "etcd://a.test:1,b-2.test:2379,[::1]:3"],
    ["etcd://user:secret@a.test:1", "etcd://a.test:1"],
    ["etcd://user:sec%40ret%3A@a.test:1,b.test:2", "etcd://a.test:1,b.test:2"],
    ["etcd://a.test:1?tls=1", "etcd://a.test:1"],
    ["etcd://10.0.0.1:1?tls=1&servername=a.test", "etcd://10.0.0.1:1"],
  ])("takes %s and calls it %s", async (url, shown) => {
    const store = openStore(url);
    expect(store.url).toBe(shown);
    await store.close();
  });

  test.each([
    "",
    "sqlite:",
    "sqlite::memory:",
    "sqlite://relative.db",
    "/var/lib/catena.db",
    "http://127.0.0.1:2379",
    "etcd:127.0.0.1:2379",
    "etcd://",
    "etcd://a.test:1,",
    "etcd://a.test:0",
    "etcd://a.test:65536",
    "etcd://a.test:x",
    "etcd://a b:1",
    "etcd://a.test:1/prefix",
    "etcd://a.test:1?password=x",
    "etcd://secret@a.test:1",
    "etcd://:secret@a.test:1",
    "etcd://user:%zz@a.test:1",
  ])("does not understand %j", (url) => {
    expect(failure(url).code).toBe("STORE_URL_INVALID");
  });

  test.each([
    "etcd://user:secret@a.test:x",
    "etcd://user:sec@secret@a b:1",
    "etcd://a.test:1?password=secret",
    "postgres://user:secret@a.test/db",
    "https://user:secret@a.test/?token=secret",
  ])("tells nothing of the credentials in %s", (url) => {
    const { code, text } = failure(url);
    expect(code).toBe("STORE_URL_INVALID");
    expect(text).not.toContain("secret");
  });

  test.each([
    ["etcd://10.0.0.1:1?tls=1", "TLS needs host names"],
    ["etcd://[::1]:1?tls=1", "TLS needs host names"],
    ["etcd://a.test:1?ca=/nonexistent/ca.pem", "ca=/nonexistent/ca.pem cannot be read"],
    [`etcd://a.test:1?cert=${join(home, "pem")}`, "needs all of ca, cert and key"],
  ])("refuses %s: %s", (url, reason) => {
    writeFileSync(join(home, "pem"), "");
    const { code, text } = failure(url);
    expect(code).toBe("STORE_UNUSABLE");
    expect(text).toContain(reason);
  });
});
