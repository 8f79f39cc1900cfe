import type { NamedHealthReport } from "./v1-api.ts";

/** The health of all checked nodes as a page for people. */
export function formatHealthPage(reports: readonly NamedHealthReport[]): string {
  const rows = reports.flatMap(({ name, type, nodes }) =>
    nodes.map(({ ip, port, hostname, status, counter }) =>
      row([
        name,
        type,
        `${hostname === ip ? ip : `${hostname} (${ip})`}:${port}`,
        status,
        counter.success,
        counter.http_failure,
        counter.tcp_failure,
        counter.timeout_failure,
      ]),
    ),
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Upstream health</title><style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid #8884; padding: .4rem .6rem; text-align: left }
td:nth-child(n + 5) { font-variant-numeric: tabular-nums; text-align: right }
</style></head><body><h1>Upstream health</h1>
${rows.length === 0 ? "<p>No node is checked yet: a check begins when its upstream is first used.</p>" : table(rows)}
</body></html>
`;
}

function table(rows: readonly string[]): string {
  const heads = ["Upstream", "Check", "Node", "Status", "OK", "HTTP", "TCP", "Timeout"];
  return `<table><thead><tr>${heads.map((head) => `<th>${head}</th>`).join("")}</tr></thead><tbody>
${rows.join("\n")}
</tbody></table>`;
}

function row(cells: readonly (string | number)[]): string {
  return `<tr>${cells.map((cell) => `<td>${escapeHtml(String(cell))}</td>`).join("")}</tr>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
