import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { servers, until } from "./bed/gateway-bed.ts";
import { type Service, startEcho, startService } from "./bed/service.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";
import { routeTo, startTlsBed, tlsPortOf } from "./bed/tls-bed.ts";
import { ask, shakeHands } from "./bed/tls-client.ts";
import { bytesOf, secureClients } from "./bed/tls-requests.ts";

const megabyte = 1024 * 1024;

let storeBed: StoreBed;
beforeAll(async () => {
  storeBed = await startSqlite();
});
afterAll(() => storeBed.stop());

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

describe.each(servers)("the listener for TLS, with the server %s", (server) => {
  test.each(secureClients)("lets requests by $protocol end when it stops", async ({ open }) => {
    const gate = Promise.withResolvers<Response>();
    const slow = startService(() => gate.promise);
    const bed = await startTlsBed(storeBed.url, { "routes/1": routeTo(slow, "/*") }, { server });
    const port = tlsPortOf(bed);
    const client = open(port);
    const asked = client.send({ path: "/slow" });
    await until(() => slow.seen.length === 1);
    const idle = await shakeHands({ port, servername: "shop.test" });
    if ("refused" in idle) throw new Error(idle.refused);
    const hungUp = new Promise((resolve) => idle.socket.once("close", resolve));
    const stopped = bed.stop();
    await hungUp;
    expect((await ask({ port, servername: "shop.test" }, "/")).status).toBe(0);
    gate.resolve(new Response("done"));
    const { status, body } = await asked;
    expect([status, String(await bytesOf(body))]).toEqual([200, "done"]);
    await stopped;
    client.close();
    await slow.stop();
  });

  test("takes no request for another connection's, though half of the clients vanish", async () => {
    const echo = startEcho();
    const seen = { set: { "x-seen": "$remote_port" } };
    const bed = await startTlsBed(
      storeBed.url,
      {
        "routes/1": routeTo(echo, "/*", { plugins: { "proxy-rewrite": { headers: seen } } }),
      },
      { server },
    );
    cleanUps.push(echo.stop, bed.stop);
    let left = 400;
    const client = async () => {
      while (left-- > 0) {
        const shaken = await shakeHands({ port: tlsPortOf(bed), servername: "shop.test" });
        if ("refused" in shaken) throw new Error(shaken.refused);
        const { socket } = shaken;
        const closed = new Promise((resolve) => socket.once("close", resolve));
        const own = `GET / HTTP/1.1\r\nHost: shop.test\r\nX-Own: ${socket.localPort}\r\n\r\n`;
        socket.write(own.repeat(5));
        if (left % 2 === 0) socket.destroy();
        else socket.once("data", () => socket.destroy());
        await closed;
      }
    };
    await Promise.all(Array.from({ length: 20 }, client));
    await until(() => bed.gateway.status().tls?.connections === 0);
    expect(echo.seen.length).toBeGreaterThan(200);
    for (const { headers } of echo.seen) expect(headers["x-seen"]).toBe(headers["x-own"]);
  });

  test("gives up what is in flight when it may wait no longer", async () => {
    const endless = startService(() => new Promise<Response>(() => undefined));
    const bed = await startTlsBed(
      storeBed.url,
      { "routes/1": routeTo(endless, "/*") },
      { server, stopSeconds: 0 },
    );
    cleanUps.push(endless.stop);
    const asked = ask({ port: tlsPortOf(bed), servername: "shop.test" }, "/");
    await until(() => endless.seen.length === 1);
    await bed.stop();
    // The runtime closes before the reply that says so is made.
    expect((await asked).status).toBe(server === "wire" ? 503 : 0);
  });

  test("gives up a client that never ends its side", async () => {
    const bed = await startTlsBed(
      storeBed.url,
      { "routes/1": routeTo(echoFor(), "/*") },
      { server },
    );
    cleanUps.push(bed.stop);
    const about = { port: tlsPortOf(bed), servername: "shop.test", allowHalfOpen: true };
    const shaken = await shakeHands(about);
    if ("refused" in shaken) throw new Error(shaken.refused);
    const { socket } = shaken;
    socket.resume();
    const ended = new Promise((resolve) => socket.once("end", resolve));
    socket.write("GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
    await ended;
    await until(() => bed.gateway.status().tls?.connections === 0);
    expect(socket.writable).toBe(true);
    socket.destroy();
  }, 30_000);

  test("sends all of a reply to a client that takes it late", async () => {
    const large = startService(() => new Response(new Uint8Array(8 * megabyte)));
    const bed = await startTlsBed(storeBed.url, { "routes/1": routeTo(large, "/*") }, { server });
    cleanUps.push(large.stop, bed.stop);
    const shaken = await shakeHands({ port: tlsPortOf(bed), servername: "shop.test" });
    if ("refused" in shaken) throw new Error(shaken.refused);
    const { socket } = shaken;
    socket.write("GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
    await until(() => large.seen.length === 1);
    // Longer than a side may be alone that has nothing to take.
    await Bun.sleep(3500);
    expect((await bytesOf(socket)).length).toBeGreaterThan(8 * megabyte);
  }, 30_000);

  test("leaves no connection, no server and no file behind", async () => {
    const folder = mkdtempSync(join(tmpdir(), "catena-e2e-"));
    cleanUps.push(() => rmSync(folder, { recursive: true }));
    useForFiles(folder);
    const echo = startEcho();
    const bed = await startTlsBed(storeBed.url, { "routes/1": routeTo(echo, "/*") }, { server });
    const about = { port: tlsPortOf(bed), servername: "shop.test" };
    await Promise.all(Array.from({ length: 50 }, () => ask(about, "/")));
    await until(() => bed.gateway.status().tls?.connections === 0);
    // Nobody else of this machine may reach the sockets in it.
    const [made = ""] = readdirSync(folder);
    expect(statSync(join(folder, made)).mode & 0o777).toBe(0o700);
    await bed.stop();
    await echo.stop();
    expect(readdirSync(folder)).toEqual([]);
  });
});

// The runtime's servers behind a front are reached by files; ours take the bytes as they are.
test("the listener for TLS goes on when it can't serve a connection, and serves the next", async () => {
  const bed = await startTlsBed(
    storeBed.url,
    { "routes/1": routeTo(echoFor(), "/*") },
    { server: "elysia" },
  );
  cleanUps.push(bed.stop);
  const about = { port: tlsPortOf(bed), servername: "shop.test" };
  useForFiles("/no/such/folder");
  expect((await ask(about, "/")).status).toBe(0);
  expect(bed.logged).toContainEqual(
    expect.objectContaining({ level: "error", message: "a TLS connection can't be served" }),
  );
  await cleanUps.pop()?.();
  expect((await ask(about, "/")).status).toBe(200);
});

/** Where the system's temporary files are from now on, until the test is over. */
function useForFiles(folder: string): void {
  const { TMPDIR: before } = Bun.env;
  Bun.env["TMPDIR"] = folder;
  cleanUps.push(() => {
    if (before === undefined) delete Bun.env["TMPDIR"];
    else Bun.env["TMPDIR"] = before;
  });
}

function echoFor(): Service {
  const echo = startEcho();
  cleanUps.push(echo.stop);
  return echo;
}
