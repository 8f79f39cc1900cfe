import { describe, expect, test } from "bun:test";
import { gap, runs } from "../contestants/contestant.ts";
import { defineScenario } from "../scenario.ts";
import { toChart } from "./chart.ts";
import { formatNumber, formatRatio } from "./format.ts";
import { toMarkdownReport } from "./markdown.ts";
import { groupRows, keyFigure, type ResultRow, type Results } from "./results.ts";
import { toTerminalReport } from "./terminal.ts";

const empty: ResultRow = {
  scenario: "proxy",
  variant: null,
  contestant: "catena",
  cpu_us_per_request: null,
  requests_per_s: null,
  p50_ms: null,
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

function measured(contestant: ResultRow["contestant"], cpu: number): ResultRow {
  return {
    ...empty,
    contestant,
    cpu_us_per_request: { median: cpu, min: cpu - 1, max: cpu + 2 },
    requests_per_s: 12_345.6,
    p50_ms: 0.5,
    p99_ms: 2.25,
    p999_ms: 7,
    rss_mb: 51.5,
    rss_before_mb: 40,
    offered_per_s: 500,
  };
}

const results: Results = {
  machine: {
    cpu: "A <fast> CPU",
    cores: 2,
    memory_gb: 24,
    kernel: "6.1",
    date: "2026-01-02T03:04:05Z",
  },
  versions: { nginx: "nginx/1.2" },
  method: { rounds: 7, seconds: 2, routes: 10, changes: 5 },
  rows: [
    measured("catena", 20),
    { ...measured("nginx", 10), errors: 3, error_kinds: { status: 1, socket: 2, timeout: 0 } },
    measured("hono", 30),
  ],
  gaps: [],
  missing: [{ scenario: null, contestant: "krakend", why: "not built" }],
};

describe("formatNumber", () => {
  test.each([
    [0, "0.00"],
    [0.126, "0.13"],
    [9.999, "10.00"],
    [12.34, "12.3"],
    [123.4, "123"],
    [1_234_567, "1 234 567"],
    [null, "–"],
    [Number.NaN, "–"],
  ])("%p is %p", (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });
});

test("a ratio to nothing is no number", () => {
  expect(formatRatio(1, 0)).toBe("–");
  expect(formatRatio(null, 2)).toBe("–");
  expect(formatRatio(3, 2)).toBe("1.50×");
});

test("variants of a scenario are groups of their own", () => {
  const rows = [
    { ...empty, scenario: "churn" as const, variant: "1 route" },
    { ...empty, scenario: "churn" as const, variant: "1000 routes" },
  ];
  expect([...groupRows(rows).keys()]).toEqual(["churn (1 route)", "churn (1000 routes)"]);
});

test("boot is judged by time, though its CPU is known", () => {
  const row = { ...measured("catena", 90_000), scenario: "boot" as const, p50_ms: 150 };
  expect(keyFigure(row)).toEqual({ name: "median latency", value: 150 });
});

describe("toTerminalReport", () => {
  const text = toTerminalReport(results, new Map([["proxy", "GET passed on"]]));

  test("aligns the columns", () => {
    const table = text.split("\n").filter((line) => /^(contestant|catena|nginx|hono) /.test(line));
    expect(table.length).toBe(4);
    const column = Bun.stringWidth(table[0]!.slice(0, table[0]!.indexOf("CPU µs/req") + 10));
    for (const [line, figure] of [
      [table[1]!, "20.0"],
      [table[2]!, "10.0"],
      [table[3]!, "30.0"],
    ] as const) {
      expect(line.indexOf(figure) + figure.length).toBe(column);
    }
  });

  test("shows ratios, flags errors and names who is missing", () => {
    expect(text).toContain("0.50×");
    expect(text).toContain("1.50×");
    expect(text).toContain("⚠ 3 (1 status, 2 socket, 0 timeout)");
    expect(text).toContain("missing: krakend: not built");
  });
});

describe("toMarkdownReport", () => {
  const markdown = toMarkdownReport(results, {
    scenarios: [defineScenario("proxy", { routes: 10 })],
    contestants: [
      { name: "catena", what: "", plan: () => runs("a | b") },
      { name: "elysia", what: "", plan: () => gap("no upstream") },
    ],
    chart: "latest.svg",
  });

  test("has a matrix of everyone against everyone", () => {
    expect(markdown).toContain("| catena | 1 | 2.00× | 0.67× |");
    expect(markdown).toContain("| hono | 1.50× | 3.00× | 1 |");
  });

  test("says who does not run what, and why", () => {
    expect(markdown).toContain("- krakend: not built");
    expect(markdown).toContain("- elysia, proxy: no upstream.");
  });

  test("a bar in a cell does not break the table", () => {
    expect(markdown).toContain("| proxy | a \\| b | gap |");
  });

  test("shows the chart that lies beside it", () => {
    expect(markdown).toContain("](latest.svg)");
  });
});

describe("toChart", () => {
  const svg = toChart(results);

  test("has one bar per contestant, ours and the flagged one in their colours", () => {
    expect(svg.match(/<rect /g)?.length).toBe(3);
    expect(svg).toContain('<rect class="own"');
    expect(svg).toContain('<rect class="bad"');
  });

  test("bars keep their proportion", () => {
    const widths = [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map((match) =>
      Number(match[1]),
    );
    expect(widths[0]! / widths[1]!).toBeCloseTo(2, 1);
    expect(widths[2]! / widths[1]!).toBeCloseTo(3, 1);
  });

  test("has colours for dark readers", () => {
    expect(svg).toContain("@media (prefers-color-scheme: dark)");
  });

  test("leaves out who has no figure", () => {
    expect(
      toChart({ ...results, rows: [...results.rows, { ...empty, contestant: "haproxy" }] }),
    ).toBe(svg);
  });
});
