import { join } from "node:path";
import { findFreePort, startChild } from "./child.ts";

/** The mock services behind all contestants, in a process of their own. */
export interface Services {
  readonly port: number;
  stop(): Promise<void>;
}

/** @param record keep what each step was sent; costs a parse per call, so never while timing. */
export async function startServices(directory: string, record: boolean): Promise<Services> {
  const port = await findFreePort();
  const child = startChild({
    name: "services",
    command: [process.execPath, join(import.meta.dir, "../apps/upstream.ts")],
    directory,
    environment: {
      BENCH_PORT: String(port),
      BENCH_RECORD: record ? "1" : "0",
      NODE_ENV: "production",
    },
  });
  await child.listening(port, 20_000);
  return { port, stop: child.stop };
}
