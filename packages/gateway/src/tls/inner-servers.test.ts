import { afterEach, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { type InnerConnection, type InnerServer, InnerServers } from "./inner-servers.ts";

const handleOf = (address: string): InnerConnection => ({
  remoteAddress: address,
  remotePort: 1,
  hostname: "127.0.0.1",
  port: 2,
  requestIP: () => ({ address, port: 1 }),
  timeout: () => undefined,
});

let servers: InnerServers;
afterEach(() => servers.stop());

function openServers(): InnerServers {
  servers = new InnerServers({
    handle: (request, server) => new Response(server.requestIP(request)?.address ?? ""),
    websocket: { message: () => undefined },
    http2: false,
  });
  return servers;
}

/** Sends a request and ends, as a client that is gone; resolves with all that came back. */
function exchange(server: InnerServer): Promise<string> {
  const socket: Socket = server.connect();
  const { promise, resolve } = Promise.withResolvers<string>();
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk;
  });
  socket.once("close", () => resolve(received));
  socket.write("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  return promise;
}

test("a server says of every request that it comes from the connection that it has", async () => {
  openServers();
  const [one, two] = [servers.take(handleOf("one"), false), servers.take(handleOf("two"), false)];
  expect(two).not.toBe(one);
  expect(await exchange(one)).toEndWith("\r\n\r\none");
  expect(await exchange(two)).toEndWith("\r\n\r\ntwo");
  servers.giveBack(one, true);
  const third = servers.take(handleOf("three"), false);
  expect(third).toBe(one);
  expect(await exchange(third)).toEndWith("\r\n\r\nthree");
  for (const server of [two, third]) servers.giveBack(server, false);
});

test("one that may not have read all of its connection gets no other", async () => {
  openServers();
  const first = servers.take(handleOf("one"), false);
  servers.giveBack(first, false);
  const second = servers.take(handleOf("two"), false);
  expect(second).not.toBe(first);
  servers.giveBack(second, true);
});

test("without a connection nothing is served", async () => {
  openServers();
  const server = servers.take(handleOf("one"), false);
  servers.giveBack(server, true);
  expect(await exchange(server)).toStartWith("HTTP/1.1 503 ");
});
