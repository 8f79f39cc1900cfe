import { join } from "node:path";
import type { LoadRequest } from "../scenario.ts";

export interface WrkOrder {
  readonly binary: string;
  readonly port: number;
  readonly request: LoadRequest;
  readonly connections: number;
  readonly seconds: number;
  /** Where the Lua script and the body may be written. */
  readonly directory: string;
}

export interface WrkResult {
  readonly requests: number;
  readonly seconds: number;
  readonly errors: { readonly status: number; readonly socket: number; readonly timeout: number };
}

/**
 * Closed loop: keeps `connections` requests in flight for `seconds`. Gives throughput and, with the
 * CPU time read around it, cost per request; its latencies are not used (they omit what a stall
 * delays).
 */
export async function runWrk(order: WrkOrder): Promise<WrkResult> {
  const script = join(order.directory, "load.lua");
  await writeScript(script, order.request);
  const url = `http://127.0.0.1:${order.port}/`;
  const wrk = Bun.spawn(
    [
      order.binary,
      "--threads=1",
      `--connections=${order.connections}`,
      `--duration=${order.seconds}s`,
      "--timeout=10s",
      `--script=${script}`,
      url,
    ],
    { stdout: "pipe", stderr: "pipe" },
  );
  const [output, complaint, code] = await Promise.all([
    wrk.stdout.text(),
    wrk.stderr.text(),
    wrk.exited,
  ]);
  const result = parseWrkOutput(output);
  if (code !== 0 || result === null)
    throw new Error(`wrk ended with ${code}: ${complaint || output}`);
  return result;
}

/** Reads the line our Lua script prints at the end. */
export function parseWrkOutput(output: string): WrkResult | null {
  const line = /^catena-bench (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(output);
  if (line === null) return null;
  const [requests = 0, micros = 0, socket = 0, status = 0, timeout = 0] = line.slice(1).map(Number);
  return { requests, seconds: micros / 1e6, errors: { status, socket, timeout } };
}

async function writeScript(path: string, request: LoadRequest): Promise<void> {
  const lines = [`wrk.method = ${luaText(request.method)}`];
  for (const [name, value] of Object.entries(request.headers)) {
    lines.push(`wrk.headers[${luaText(name)}] = ${luaText(value)}`);
  }
  if (request.body !== null) {
    await Bun.write(`${path}.body`, request.body);
    lines.push(`local file = io.open(${luaText(`${path}.body`)}, "rb")`);
    lines.push('wrk.body = file:read("*a")', "file:close()");
  }
  lines.push(...requestLines(request.paths), ...doneLines);
  await Bun.write(path, `${lines.join("\n")}\n`);
}

/** Requests are formatted once, in `init`: formatting costs the load generator, not the contestant. */
function requestLines(paths: readonly string[]): readonly string[] {
  return [
    `local paths = { ${paths.map(luaText).join(", ")} }`,
    "local ready, next_index = {}, 0",
    "init = function()",
    "  for index, path in ipairs(paths) do ready[index] = wrk.format(nil, path) end",
    "end",
    "request = function()",
    "  next_index = next_index % #ready + 1",
    "  return ready[next_index]",
    "end",
  ];
}

const doneLines = [
  "done = function(summary)",
  "  local e = summary.errors",
  '  print(string.format("catena-bench %d %d %d %d %d", summary.requests, summary.duration,',
  "    e.connect + e.read + e.write, e.status, e.timeout))",
  "end",
];

function luaText(text: string): string {
  // JSON's escapes of these characters are Lua's too; anything else would need a byte escape.
  if (!/^[\x20-\x7e]*$/.test(text))
    throw new Error("only printable ASCII goes into the wrk script");
  return JSON.stringify(text);
}
