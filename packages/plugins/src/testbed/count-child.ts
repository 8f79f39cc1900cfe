/** Counts every key of a list over and over, together with another process that does the same. */
import { SharedCounts } from "../limits/shared-counts.ts";
import { SharedFixedWindows, SharedSlidingWindows } from "../limits/shared-windows.ts";

const [file = "", kind, keys, limit, rounds] = process.argv.slice(2);
const bytes = Bun.mmap(file, { shared: true });
const all = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
const counts = new SharedCounts(all.subarray(0, -1));
const windows =
  kind === "fixed" ? new SharedFixedWindows(counts, "k") : new SharedSlidingWindows(counts, "k");
// The last word: who is there. Both begin at once, or they would count one after the other.
Atomics.add(all, all.length - 1, 1);
while (Atomics.load(all, all.length - 1) < 2) Bun.sleepSync(0.1);
const accepted = Array.from({ length: Number(keys) }, (_, key) => {
  let count = 0;
  for (let round = 0; round < Number(rounds); round++) {
    if (windows.count(`k${key}`, Number(limit), 86_400_000, 0).accepted) count++;
  }
  return count;
});
process.stdout.write(JSON.stringify(accepted));
