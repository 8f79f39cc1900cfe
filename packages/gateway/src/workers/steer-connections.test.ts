import { afterEach, describe, expect, test } from "bun:test";
import { type ListenerSeat, steerAway, steerEvenly, turnAway } from "./steer-connections.ts";

describe.if(process.platform === "linux")("listeners of one port", () => {
  const servers: Bun.Server<undefined>[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop(true);
  });

  /** Listeners of this process stand for those of several: the kernel sees sockets. */
  function listen(count: number): number {
    for (let index = 0; index < count; index++) {
      const port: number = servers[0]?.port ?? 0;
      servers.push(
        Bun.serve({
          hostname: "127.0.0.1",
          port,
          reusePort: true,
          fetch: () => new Response(String(index)),
        }),
      );
    }
    return servers[0]?.port ?? 0;
  }

  async function whoAnswers(port: number, requests = 60): Promise<ReadonlySet<string>> {
    const answered = new Set<string>();
    for (let sent = 0; sent < requests; sent++) {
      const response = await fetch(`http://127.0.0.1:${port}/`, {
        headers: { connection: "close" },
      });
      answered.add(await response.text());
    }
    return answered;
  }

  test.each<readonly [ListenerSeat, readonly string[]]>([
    [{ index: 0, count: 3 }, ["1", "2"]],
    [{ index: 1, count: 3 }, ["0", "2"]],
    [{ index: 2, count: 3 }, ["0", "1"]],
  ])("%p is given no connection, the others are", async (seat, others) => {
    const port = listen(3);
    expect(steerAway(seat)).toBeNull();
    expect([...(await whoAnswers(port))].toSorted()).toEqual([...others]);
    expect(steerEvenly()).toBeNull();
    expect((await whoAnswers(port)).size).toBe(3);
  });

  test("the last one is never steered away from", async () => {
    const port = listen(1);
    expect(steerAway({ index: 0, count: 1 })).toBeNull();
    expect(await whoAnswers(port, 3)).toEqual(new Set(["0"]));
  });

  test("one that turns clients away is not connected to, and serves who is", async () => {
    const port = listen(1);
    let body = "";
    const early = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_socket, data) => {
          body += data.toString();
        },
      },
    });
    expect(turnAway()).toBeNull();
    const late = fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(300) });
    await expect(late).rejects.toThrow();
    early.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    while (!body.includes("\r\n\r\n0")) await Bun.sleep(1);
    early.end();
  });

  test("a process that listens nowhere says so", () => {
    expect(steerEvenly()).toBe("no socket of this process shares a port");
  });
});
