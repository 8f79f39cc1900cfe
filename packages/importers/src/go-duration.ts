const secondsOf: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

/** Seconds of a Go duration that fits the schema (`1m30s` is 90, `500ms` is 0.5). */
export function durationSeconds(duration: string): number {
  let seconds = 0;
  for (const [, amount = "0", unit = "s"] of duration.matchAll(/([0-9.]+)(ns|us|µs|ms|s|m|h)/g)) {
    seconds += Number(amount) * (secondsOf[unit] ?? 1);
  }
  return seconds;
}

/**
 * Seconds for one of a resource's timeouts: whole ones, as apisix-ingress-controller writes them,
 * unless nothing would be left.
 */
export function timeoutSeconds(duration: string): number {
  const seconds = durationSeconds(duration);
  return seconds >= 1 ? Math.floor(seconds) : seconds;
}
