import { groupRows, keyFigure, type ResultRow } from "./results.ts";

/** How Catena stands to one peer in one scenario: its key figure over the peer's; below 1 is cheaper. */
export interface Ratio {
  readonly title: string;
  readonly peer: string;
  readonly figure: string;
  readonly value: number;
}

export interface RatioChange {
  readonly title: string;
  readonly peer: string;
  readonly figure: string;
  /** `null`: the pair is not in that file. */
  readonly before: number | null;
  readonly after: number | null;
  readonly verdict: "worse" | "better" | "same" | "only in one file";
}

/** Growth of a ratio that is called a regression. Ratios, since a machine's absolute speed drifts. */
export const regressionFactor = 1.1;

export function toRatios(rows: readonly ResultRow[]): readonly Ratio[] {
  const ratios: Ratio[] = [];
  for (const [title, group] of groupRows(rows)) {
    const own = group.find((row) => row.contestant === "catena");
    const ownFigure = own === undefined ? null : keyFigure(own);
    if (ownFigure === null) continue;
    for (const row of group) {
      const figure = keyFigure(row);
      if (row === own || figure === null || figure.value <= 0) continue;
      ratios.push({
        title,
        peer: row.contestant,
        figure: figure.name,
        value: ownFigure.value / figure.value,
      });
    }
  }
  return ratios;
}

/** Compares every pair of scenario and peer that at least one of the files has. */
export function compareRatios(
  before: readonly ResultRow[],
  after: readonly ResultRow[],
): readonly RatioChange[] {
  const old = new Map(toRatios(before).map((ratio) => [`${ratio.title}\n${ratio.peer}`, ratio]));
  const changes: RatioChange[] = [];
  for (const ratio of toRatios(after)) {
    const key = `${ratio.title}\n${ratio.peer}`;
    const previous = old.get(key) ?? null;
    old.delete(key);
    changes.push({
      title: ratio.title,
      peer: ratio.peer,
      figure: ratio.figure,
      before: previous?.value ?? null,
      after: ratio.value,
      verdict: previous === null ? "only in one file" : judge(previous.value, ratio.value),
    });
  }
  for (const { title, peer, figure, value } of old.values()) {
    changes.push({ title, peer, figure, before: value, after: null, verdict: "only in one file" });
  }
  return changes;
}

function judge(before: number, after: number): RatioChange["verdict"] {
  if (after > before * regressionFactor) return "worse";
  return after * regressionFactor < before ? "better" : "same";
}
