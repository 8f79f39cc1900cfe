/** Three significant digits, no exponent; `–` for what was not measured. */
export function formatNumber(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString("en-US").replaceAll(",", " ");
  if (size >= 10) return value.toFixed(1);
  return value.toFixed(2);
}

/** `1.25×`; `–` when either side was not measured. */
export function formatRatio(numerator: number | null, denominator: number | null): string {
  if (numerator === null || denominator === null || denominator === 0) return "–";
  return `${formatNumber(numerator / denominator)}×`;
}
