/**
 * Finds a TCP port on loopback that nothing listens on, for a program that cannot be told to
 * listen on port 0. Another process may take it before it is used.
 */
export async function freePort(): Promise<number> {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
