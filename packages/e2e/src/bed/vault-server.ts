/** A real HTTP server that answers as Vault's KV engine does, versions 1 and 2. */
export interface VaultServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Documents of version 1 by path (`kv/jack`), of version 2 with `data` in it (`secret/data/jack`). */
  readonly documents: Map<string, object>;
  /** Whether it answers everything with 503. */
  isSealed: boolean;
  /** Paths asked for, in order. */
  readonly asked: string[];
  stop(): Promise<void>;
}

export const vaultToken = "hvs.test-token-of-the-vault";

/**
 * Starts a server that speaks what developer.hashicorp.com/vault/api-docs documents of reading secrets:
 * the token in `X-Vault-Token`, 403 without it, 404 with no errors for what is not there. Vault itself
 * is not to be had for tests on a machine with nothing but npm packages.
 *
 * @param namespace that requests have to name; `null`: none.
 */
export function startVault(namespace: string | null = null): VaultServer {
  const documents = new Map<string, object>();
  const asked: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      const path = new URL(request.url).pathname.replace(/^\/v1\//, "");
      asked.push(path);
      if (vault.isSealed) {
        return Response.json({ errors: ["Vault is sealed"] }, { status: 503 });
      }
      const isKnown =
        request.headers.get("x-vault-token") === vaultToken &&
        request.headers.get("x-vault-namespace") === namespace;
      if (!isKnown) return Response.json({ errors: ["permission denied"] }, { status: 403 });
      const data = documents.get(decodeURIComponent(path));
      if (data === undefined) return Response.json({ errors: [] }, { status: 404 });
      const metadata = { version: 1, destroyed: false, created_time: "2026-01-01T00:00:00Z" };
      return Response.json({
        request_id: crypto.randomUUID(),
        lease_id: "",
        renewable: false,
        lease_duration: 2_764_800,
        data: path.includes("/data/") ? { data, metadata } : data,
        wrap_info: null,
        warnings: null,
        auth: null,
      });
    },
  });
  const { port } = server;
  const vault: VaultServer = {
    url: `http://127.0.0.1:${port}`,
    documents,
    asked,
    isSealed: false,
    stop: () => server.stop(true),
  };
  return vault;
}
