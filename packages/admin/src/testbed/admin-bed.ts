import { isJsonObject } from "@catena/schema";
import type { ConfigStore } from "@catena/store";
import type { AdminOptions } from "../admin-options.ts";
import { listenAdmin } from "../listen-admin.ts";
import { createApisixRegistry } from "../transcript/apisix-registry.ts";

/** A reply whose body was read; `body` is the text when it is not JSON. */
export interface AdminReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** An Admin API on a free port, with a key of each role. */
export interface AdminBed {
  readonly port: number;
  /** Calls `/apisix/admin` + path; the body is sent as JSON unless it is a text. */
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<AdminReply>;
  stop(): Promise<void>;
}

export const adminKey = "key-of-an-admin-0001";
export const viewerKey = "key-of-a-viewer-0001";

export function startAdmin(store: ConfigStore, options: Partial<AdminOptions> = {}): AdminBed {
  const server = listenAdmin(
    { hostname: "127.0.0.1", port: 0 },
    {
      store,
      prefix: "/apisix",
      keys: [
        { name: "admin", key: adminKey, role: "admin" },
        { name: "viewer", key: viewerKey, role: "viewer" },
      ],
      registry: createApisixRegistry(),
      ...options,
    },
  );
  return {
    port: server.port,
    async call(method, path, body, headers = { "X-API-KEY": adminKey }) {
      const response = await fetch(`http://127.0.0.1:${server.port}/apisix/admin${path}`, {
        method,
        headers,
        ...(body === undefined
          ? {}
          : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      return {
        status: response.status,
        headers: response.headers,
        body: toBody(await response.text()),
      };
    },
    stop: () => server.stop(),
  };
}

/** The value a reply to a write or to a read of one resource carries. */
export function storedValue({ body }: AdminReply): Readonly<Record<string, unknown>> {
  const value: unknown = Object(body).value;
  if (!isJsonObject(value)) throw new Error(`no value in ${JSON.stringify(body)}`);
  return value;
}

function toBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
