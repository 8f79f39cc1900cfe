import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareRatios, toRatios } from "./ratio-check.ts";
import type { ResultRow } from "./results.ts";

function row(
  contestant: ResultRow["contestant"],
  cpu: number | null,
  p50: number | null = null,
): ResultRow {
  return {
    scenario: "proxy",
    variant: null,
    contestant,
    cpu_us_per_request: cpu === null ? null : { median: cpu, min: cpu, max: cpu },
    requests_per_s: null,
    p50_ms: p50,
    p99_ms: null,
    p999_ms: null,
    rss_mb: null,
    rss_before_mb: null,
    errors: 0,
    error_kinds: { status: 0, socket: 0, timeout: 0 },
    spreads: { requests_per_s: null, p50_ms: null, p99_ms: null, p999_ms: null },
    offered_per_s: null,
    own_delay_p99_ms: null,
  };
}

describe("toRatios", () => {
  test("is Catena's figure over the peer's", () => {
    expect(toRatios([row("nginx", 10), row("catena", 20)])).toEqual([
      { title: "proxy", peer: "nginx", figure: "CPU per request", value: 2 },
    ]);
  });

  test("is by latency where no CPU was measured", () => {
    const rows = [row("catena", null, 3), row("nginx", null, 6)];
    expect(toRatios(rows)).toMatchObject([{ figure: "median latency", value: 0.5 }]);
  });

  test.each([
    ["without Catena", [row("nginx", 10), row("hono", 10)]],
    ["when Catena has no figure", [row("catena", null), row("nginx", 10)]],
    ["when the peer has no figure", [row("catena", 10), row("nginx", null)]],
    ["to a peer that measured zero", [row("catena", 10), row("nginx", 0)]],
  ])("there is none %s", (_name, rows) => {
    expect(toRatios(rows)).toEqual([]);
  });
});

describe("compareRatios", () => {
  const before = [row("catena", 100), row("nginx", 50)];
  const cases = [
    { name: "12 % more is worse", catena: 112, nginx: 50, verdict: "worse" },
    { name: "8 % more is the same", catena: 108, nginx: 50, verdict: "same" },
    { name: "exactly 10 % more is the same", catena: 110, nginx: 50, verdict: "same" },
    { name: "20 % less is better", catena: 80, nginx: 50, verdict: "better" },
    { name: "a machine twice as slow changes nothing", catena: 200, nginx: 100, verdict: "same" },
    { name: "a peer that got faster is a worse ratio", catena: 100, nginx: 40, verdict: "worse" },
  ];
  test.each(cases)("$name", ({ catena, nginx, verdict }) => {
    const changes = compareRatios(before, [row("catena", catena), row("nginx", nginx)]);
    expect(changes.map((change) => change.verdict)).toEqual([verdict as "same"]);
  });

  test("pairs in one file only are shown, not judged", () => {
    const changes = compareRatios(before, [row("catena", 100), row("hono", 50)]);
    expect(changes).toMatchObject([
      { peer: "hono", before: null, after: 2, verdict: "only in one file" },
      { peer: "nginx", before: 2, after: null, verdict: "only in one file" },
    ]);
  });
});

describe("bench/check", () => {
  const directory = mkdtempSync(join(tmpdir(), "catena-bench-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const command = join(import.meta.dir, "../../check");

  async function write(name: string, content: unknown): Promise<string> {
    const path = join(directory, name);
    await Bun.write(path, JSON.stringify(content));
    return path;
  }

  function run(...args: readonly string[]): { code: number; output: string } {
    const { exitCode, stdout, stderr } = Bun.spawnSync([command, ...args], {
      stdout: "pipe",
      stderr: "pipe",
    });
    return { code: exitCode, output: stdout.toString() + stderr.toString() };
  }

  test("ends with 1 and names the pair that got worse", async () => {
    const old = await write("old.json", { rows: [row("catena", 100), row("nginx", 50)] });
    const slow = await write("slow.json", { rows: [row("catena", 150), row("nginx", 50)] });
    const { code, output } = run(old, slow);
    expect(code).toBe(1);
    expect(output).toContain(
      "worse            proxy, catena ÷ nginx, CPU per request: 2.00 -> 3.00",
    );
    expect(run(old, old).code).toBe(0);
  });

  test("ends with 2 for what cannot be compared", async () => {
    const good = await write("good.json", { rows: [row("catena", 1), row("nginx", 1)] });
    const strange = await write("strange.json", { rows: [{ ...row("catena", 1), scenario: "x" }] });
    const none = await write("none.json", {});
    expect(run(good).code).toBe(2);
    expect(run(good, join(directory, "absent.json")).output).toContain("cannot be read as JSON");
    expect(run(good, strange).output).toContain("row 0: unknown scenario");
    expect(run(good, none).output).toContain('has no "rows"');
    expect(run(good, await write("empty.json", { rows: [] })).code).toBe(2);
  });
});
