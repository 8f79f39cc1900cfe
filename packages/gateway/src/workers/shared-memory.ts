import { existsSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Room for 262,144 counts; pages that nothing is counted in take none. */
const sizeBytes = 4 * 1024 * 1024;

/** What the memory begins with: random numbers that say where in it a key is counted. */
const saltBytes = 32;

/**
 * Makes memory for counts that workers share, in a file that has no name any more: it is gone with the
 * last process that has it, however that ends.
 *
 * @returns its descriptor, for processes to inherit.
 */
export function createSharedMemory(): number {
  const folder = mkdtempSync(join(sharedFolder(), "catena-"));
  try {
    const fd = openSync(join(folder, "counts"), "wx+", 0o600);
    ftruncateSync(fd, sizeBytes);
    writeSync(fd, crypto.getRandomValues(new Uint8Array(saltBytes)), 0, saltBytes, 0);
    return fd;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The memory behind an inherited descriptor, as 32-bit words. */
export function openSharedMemory(fd: number): Int32Array {
  const bytes = Bun.mmap(`/proc/self/fd/${fd}`, { shared: true });
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

/** Memory on Linux; a file on a disk would be written back to it now and then. */
function sharedFolder(): string {
  return existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
}
