/** Says why `host:port` cannot be listened on, or `null` when it can. */
export function findListenProblem(address: string): string | null {
  const colon = address.lastIndexOf(":");
  const hostname = address.slice(0, colon).replace(/^\[|\]$/g, "");
  const port = Number(address.slice(colon + 1));
  if (colon <= 0 || !Number.isInteger(port) || port < 1 || port > 65_535) {
    return "is not of the form host:port";
  }
  try {
    Bun.listen({ hostname, port, socket: { data() {} } }).stop(true);
    return null;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "EADDRINUSE") return "is taken by another program";
    return error instanceof Error ? error.message : String(error);
  }
}

/** The same address with another port, to suggest. */
export function otherAddress(address: string): string {
  const colon = address.lastIndexOf(":");
  const port = Number(address.slice(colon + 1));
  return `${address.slice(0, colon)}:${port < 50_000 ? port + 10_000 : port - 10_000}`;
}
