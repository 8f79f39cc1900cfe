import type { LoadRequest } from "../scenario.ts";
import { runOpenLoop } from "./open-loop.ts";
import { toRequestBytes } from "./request-bytes.ts";

/** What the open-loop client process reads from its standard input. */
export interface OpenLoopJob {
  readonly port: number;
  readonly ratePerSecond: number;
  readonly seconds: number;
  readonly request: LoadRequest;
}

// JSON.parse gives `any`; the only writer of this input is `driveOpenLoop`, which is typed.
const job: OpenLoopJob = JSON.parse(await Bun.stdin.text());
const result = await runOpenLoop({
  port: job.port,
  ratePerSecond: job.ratePerSecond,
  seconds: job.seconds,
  requests: toRequestBytes(job.request),
  maxConnections: 256,
  timeoutMs: 5000,
});
console.log(JSON.stringify(result));
process.exit(0);
