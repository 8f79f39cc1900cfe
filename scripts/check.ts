/** `bun run check`: everything about the code that needs no running gateway, in seconds. */
import { checkParts, formatPart, type PartResult, runPart } from "./lib/check-parts.ts";

const start = performance.now();
const running = checkParts.map(runPart);
const results: PartResult[] = [];
for (const part of running) {
  const result = await part;
  console.log(formatPart(result));
  results.push(result);
}
const failed = results.filter((result) => !result.isOk);
for (const { name, output } of failed) console.log(`\n── ${name}\n${output}`);

const seconds = ((performance.now() - start) / 1000).toFixed(1);
console.log(`\n${results.length - failed.length} passed, ${failed.length} failed in ${seconds} s`);
process.exit(failed.length === 0 ? 0 : 1);
