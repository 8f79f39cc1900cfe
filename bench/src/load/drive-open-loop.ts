import type { OpenLoopResult } from "./open-loop.ts";
import type { OpenLoopJob } from "./open-loop-main.ts";

/** Runs the open-loop client in a process of its own, so that its work is nobody else's delay. */
export async function driveOpenLoop(job: OpenLoopJob): Promise<OpenLoopResult> {
  const client = Bun.spawn([process.execPath, `${import.meta.dir}/open-loop-main.ts`], {
    stdin: new Blob([JSON.stringify(job)]),
    stdout: "pipe",
    stderr: "inherit",
  });
  const [output, code] = await Promise.all([client.stdout.text(), client.exited]);
  if (code !== 0) throw new Error(`the open-loop client ended with ${code}`);
  return JSON.parse(output);
}
