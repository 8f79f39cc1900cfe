import { Elysia } from "elysia";
import type { TraceRing } from "./trace-ring.ts";

/**
 * `GET /v1/traces`: the last requests that ran a chain, latest first, those of one route with
 * `?route=ID`; `GET /v1/traces/ID`: that of one request. Not in APISIX.
 *
 * @param ring `null` where none are kept.
 */
export function createTracesApi(ring: TraceRing | null) {
  const none = { error_msg: "traces are not kept: set traces.keep" };
  return new Elysia({ prefix: "/v1", normalize: false, handler: { standardHostname: false } })
    .get("/traces", ({ query, set }) => {
      if (ring !== null) return ring.list(query["route"]);
      set.status = 404;
      return none;
    })
    .get("/traces/:request", ({ params: { request }, set }) => {
      const found = ring?.find(request) ?? null;
      if (found !== null) return found;
      set.status = 404;
      return ring === null ? none : { error_msg: `no trace of request "${request}" is kept` };
    });
}
