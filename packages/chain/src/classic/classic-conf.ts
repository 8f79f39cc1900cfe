/** What `plugins["proxy-chain"]` of a route holds when it has `services`. */
export interface ProxyChainClassic {
  /** Called in order; at least one. */
  readonly services: readonly ClassicServiceConf[];
  /** Request header with the token for the services; absent: `Authorization`. */
  readonly token_header?: string;
  /** Milliseconds for all services together; default 30 000. */
  readonly deadline?: number;
  /** `literal` names URIs in error bodies and writes them as the Lua plugin does. */
  readonly error_bodies?: "named" | "literal";
}

export interface ClassicServiceConf {
  /** Absolute `http` or `https` URL. With `upstream_id` its host is not called: only the path counts. */
  readonly uri: string;
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Whether GET, HEAD and DELETE carry the merged object; default `false`. */
  readonly send_body?: boolean;
  /** Milliseconds per call; default 6000. */
  readonly timeout?: number;
  readonly upstream_id?: string;
  /** Says which service failed in error bodies and traces; default `services[INDEX]`. */
  readonly name?: string;
}
