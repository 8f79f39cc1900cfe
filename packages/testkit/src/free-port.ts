import { readFileSync } from "node:fs";

/** Ports already given away; a second caller in this process must get another one. */
const given = new Set<number>();

/** Lowest port that needs no rights and is not among the well-known ones. */
const lowest = 10_240;

/**
 * Finds a TCP port on loopback that nothing listens on, for a program that cannot be told to
 * listen on port 0. It is outside of the range the kernel takes ports from by itself, so that neither
 * a connection nor a listener on port 0 takes it before it is used.
 */
export async function freePort(): Promise<number> {
  const end = lowestEphemeral();
  for (let tries = 0; tries < 1_000; tries++) {
    const port = lowest + Math.floor(Math.random() * (end - lowest));
    if (given.has(port) || !isFree(port)) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free port between ${lowest} and ${end}`);
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}

/** Linux's default where it cannot be read. */
function lowestEphemeral(): number {
  try {
    const range = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8");
    const low = Number(range.trim().split(/\s+/)[0]);
    return low > lowest + 1_000 ? low : 32_768;
  } catch {
    return 32_768;
  }
}
