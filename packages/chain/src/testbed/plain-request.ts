import { requestErrors } from "@catena/pipeline";
import { CancelScope } from "@catena/upstream";
import type { ChainRequest } from "../chain-request.ts";

export interface PlainRequest {
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  readonly params?: Readonly<Record<string, string>>;
  /** Flat list. */
  readonly headers?: readonly string[];
  readonly body?: string | Uint8Array;
  /** Milliseconds from now. */
  readonly deadlineMs?: number;
  readonly cancel?: CancelScope;
  readonly id?: string;
}

/** A client's request without a server around it. */
export function plainRequest(given: PlainRequest = {}): ChainRequest {
  const bytes = new Uint8Array(
    typeof given.body === "string"
      ? new TextEncoder().encode(given.body)
      : (given.body ?? new Uint8Array(0)),
  );
  const headers = given.headers ?? [];
  return {
    id: given.id ?? "req-1",
    method: given.method ?? "POST",
    path: given.path ?? "/chain",
    query: given.query ?? "",
    clientAddress: "192.0.2.7",
    params: given.params ?? {},
    header: (name) => {
      const at = headers.findIndex((entry, i) => i % 2 === 0 && entry.toLowerCase() === name);
      return at < 0 ? null : (headers[at + 1] ?? null);
    },
    headerList: () => headers,
    bodyBytes: async (maxBytes) => {
      if (bytes.length > maxBytes) throw requestErrors.REQUEST_TOO_LARGE({ limitBytes: maxBytes });
      return bytes;
    },
    bodyText: async (maxBytes) => {
      if (bytes.length > maxBytes) throw requestErrors.REQUEST_TOO_LARGE({ limitBytes: maxBytes });
      try {
        return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      } catch {
        throw requestErrors.REQUEST_NOT_UTF8({});
      }
    },
    deadlineAt:
      given.deadlineMs === undefined
        ? Number.POSITIVE_INFINITY
        : performance.now() + given.deadlineMs,
    cancel: given.cancel ?? new CancelScope(),
  };
}
