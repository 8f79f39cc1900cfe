import { contestantNames } from "../contestants/contestant.ts";
import { scenarioNames } from "../scenario.ts";
import type { ResultRow } from "./results.ts";

/** Reads the rows of a result file. @throws Error that names the file and what is wrong with it. */
export async function readResultRows(path: string): Promise<readonly ResultRow[]> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await Bun.file(path).text());
  } catch (cause) {
    throw new Error(`${path} cannot be read as JSON`, { cause });
  }
  const rows = isRecord(parsed) ? parsed["rows"] : undefined;
  if (!Array.isArray(rows)) throw new Error(`${path} has no "rows": not a bench result`);
  rows.forEach((row: unknown, index) => {
    const fault = findFault(row);
    if (fault !== null) throw new Error(`${path}: row ${index}: ${fault}`);
  });
  // Every row was just checked for the fields that are compared; the others are for people.
  return rows as readonly ResultRow[];
}

function findFault(row: unknown): string | null {
  if (!isRecord(row)) return "not an object";
  if (!scenarioNames.some((name) => name === row["scenario"])) return "unknown scenario";
  if (!contestantNames.some((name) => name === row["contestant"])) return "unknown contestant";
  const cpu = row["cpu_us_per_request"];
  const isCpu = cpu === null || (isRecord(cpu) && typeof cpu["median"] === "number");
  if (!isCpu) return "cpu_us_per_request is neither null nor has a median";
  const variant = row["variant"];
  if (variant !== null && typeof variant !== "string") return "variant is neither null nor text";
  const p50 = row["p50_ms"];
  return p50 === null || typeof p50 === "number" ? null : "p50_ms is neither null nor a number";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
