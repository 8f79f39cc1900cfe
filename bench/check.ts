import { formatNumber } from "./src/report/format.ts";
import { compareRatios, type RatioChange, regressionFactor } from "./src/report/ratio-check.ts";
import { readResultRows } from "./src/report/read-results.ts";

process.exit(await check(Bun.argv.slice(2)));

/** Exit codes: 0 no regression, 1 at least one, 2 the files cannot be compared. */
async function check(args: readonly string[]): Promise<number> {
  const [before, after] = args;
  if (before === undefined || after === undefined || args.length > 2) {
    console.error("bench/check OLD.json NEW.json: compares Catena's ratio to each peer");
    return 2;
  }
  try {
    const changes = compareRatios(await readResultRows(before), await readResultRows(after));
    return report(changes);
  } catch (error) {
    console.error(`bench/check: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
}

function report(changes: readonly RatioChange[]): number {
  for (const { title, peer, figure, before, after, verdict } of changes) {
    const numbers = `${formatNumber(before)} -> ${formatNumber(after)}`;
    console.log(`${verdict.padEnd(16)} ${title}, catena ÷ ${peer}, ${figure}: ${numbers}`);
  }
  const compared = changes.filter(({ verdict }) => verdict !== "only in one file");
  if (compared.length === 0) {
    console.error("bench/check: the files have no scenario and peer in common beside catena");
    return 2;
  }
  const worse = compared.filter(({ verdict }) => verdict === "worse").length;
  const limit = Math.round((regressionFactor - 1) * 100);
  console.log(`${compared.length} ratios compared, ${worse} worse by more than ${limit} %`);
  return worse === 0 ? 0 : 1;
}
