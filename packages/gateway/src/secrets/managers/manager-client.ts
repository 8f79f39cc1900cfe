/** A call to a secret manager. */
export interface ManagerCall {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** `false`: the certificate is not verified. */
  readonly verify?: boolean;
}

export interface ManagerReply {
  readonly status: number;
  /** The JSON that was answered; `null` when it was none. */
  readonly body: unknown;
}

/** A manager that could not be asked; the message may be shown to anybody. */
export class ManagerFault extends Error {}

/** Calls secret managers, with limits, and never follows a redirect: tokens are for who was named. */
export interface ManagerClient {
  /** @throws ManagerFault */
  call(call: ManagerCall): Promise<ManagerReply>;
  /** The result of work that several references of one round have in common. */
  once<T>(key: string, work: () => Promise<T>): Promise<T>;
}

export interface ManagerClientOptions {
  readonly timeoutMs: number;
  /** Authorities in PEM that are trusted beside the system's. */
  readonly ca?: readonly string[];
}

/** Largest answer that is read. A secret of AWS has 64 KiB, a document of Vault 512 KiB by default. */
const maxReplyBytes = 1024 * 1024;

/** Makes a client for one round; a new round asks anew. */
export function createManagerClient({ timeoutMs, ca }: ManagerClientOptions): ManagerClient {
  const shared = new Map<string, unknown>();
  return {
    once: <T>(key: string, work: () => Promise<T>): Promise<T> => {
      // Whoever made the entry under this key made a promise of the same work.
      const known = shared.get(key) as Promise<T> | undefined;
      if (known !== undefined) return known;
      const made = work();
      shared.set(key, made);
      return made;
    },
    call: async ({ url, method, headers, body, verify = true }) => {
      const parsed = URL.parse(url);
      if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
        throw new ManagerFault("its address is not an http or https URL");
      }
      try {
        const response = await fetch(parsed, {
          method,
          headers: { Accept: "application/json", ...headers },
          redirect: "manual",
          signal: AbortSignal.timeout(timeoutMs),
          tls: { rejectUnauthorized: verify, ...(ca === undefined ? {} : { ca: [...ca] }) },
          ...(body === undefined ? {} : { body }),
        });
        return { status: response.status, body: toJson(await readText(response)) };
      } catch (error) {
        throw error instanceof ManagerFault ? error : new ManagerFault(reasonOf(error, timeoutMs));
      }
    },
  };
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxReplyBytes)
      throw new ManagerFault(`it answered with over ${maxReplyBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function toJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Codes and names alone: a message may quote what was sent. */
function reasonOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return "the call failed";
  if (error.name === "TimeoutError") return `it did not answer within ${timeoutMs} ms`;
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  return `it cannot be reached (${code})`;
}
