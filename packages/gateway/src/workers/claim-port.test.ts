import { expect, test } from "bun:test";
import { claimPort } from "./claim-port.ts";

const loopback = { hostname: "127.0.0.1", port: 0 };

test("a port of 0 becomes one that can be listened on", () => {
  const { port } = claimPort(loopback, "listen");
  expect(port).toBeGreaterThan(0);
  expect(claimPort({ ...loopback, port }, "listen")).toEqual({ ...loopback, port });
});

test.each([true, false])("a listener is noticed that shares its port: %p", async (reusePort) => {
  const server = Bun.serve({ ...loopback, reusePort, fetch: () => new Response() });
  const { port = 0 } = server;
  expect(() => claimPort({ ...loopback, port }, "listen (CATENA_LISTEN)")).toThrow(
    `cannot listen on 127.0.0.1:${port}`,
  );
  await server.stop(true);
});
