import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseWrkOutput, runWrk } from "./wrk.ts";

describe("parseWrkOutput", () => {
  test("reads our line among wrk's own", () => {
    const output = "Running 1s test\n  1 threads\ncatena-bench 1200 1000500 1 2 3\n";
    expect(parseWrkOutput(output)).toEqual({
      requests: 1200,
      seconds: 1.0005,
      errors: { socket: 1, status: 2, timeout: 3 },
    });
  });

  test("is null without it", () => {
    expect(parseWrkOutput("unable to connect to 127.0.0.1:1")).toBeNull();
  });
});

const binary = Bun.which("wrk");

// wrk is a system package; where it is absent the bench itself reports that.
describe.if(binary !== null)("runWrk", () => {
  test("sends every path with the method, the headers and the body", async () => {
    const seen = new Set<string>();
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        const { pathname } = new URL(request.url);
        seen.add(
          `${request.method} ${pathname} ${request.headers.get("x-a")} ${await request.text()}`,
        );
        return new Response("no", { status: pathname === "/bad" ? 500 : 200 });
      },
    });
    const directory = mkdtempSync(join(tmpdir(), "catena-bench-"));
    try {
      const result = await runWrk({
        binary: binary ?? "",
        port: server.port ?? 0,
        request: {
          method: "POST",
          paths: ["/ok", "/bad"],
          headers: { "x-a": "1" },
          body: '{"a":1}',
        },
        connections: 2,
        seconds: 1,
        directory,
      });
      expect([...seen].toSorted()).toEqual(['POST /bad 1 {"a":1}', 'POST /ok 1 {"a":1}']);
      expect(result.requests).toBeGreaterThan(2);
      const ratio = result.errors.status / result.requests;
      expect(ratio).toBeGreaterThan(0.3);
      expect(ratio).toBeLessThan(0.7);
    } finally {
      await server.stop(true);
      rmSync(directory, { recursive: true });
    }
  });
});
