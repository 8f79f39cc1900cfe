import { plugins } from "@catena/plugins";
import type { ProbeBed } from "./probe-bed.ts";

/** Resolves to what is seen; the entry says what that is as long as the difference is there. */
export interface Probe {
  readonly sees: unknown;
  look(bed: ProbeBed): unknown;
}

/**
 * A probe for each difference that verdicts.ts tells, by kind and field. One that sees something else
 * means that the difference is gone and the list is stale.
 */
export const probes: Readonly<Record<string, Probe>> = {
  "routes enable_websocket": { sees: "", look: agreedExtensions },
  "services enable_websocket": { sees: "", look: agreedExtensions },
  "upstreams scheme": {
    sees: 503,
    look: async (bed) => {
      const upstream = { ...bed.upstream, scheme: "grpc" };
      await bed.put({ "routes/grpc": { id: "grpc", uri: "/grpc", upstream } });
      return (await fetch(`${bed.url}/grpc`)).status;
    },
  },
  "upstreams discovery_type": {
    sees: 503,
    look: async (bed) => {
      const upstream = { type: "roundrobin", discovery_type: "consul", service_name: "a" };
      await bed.put({ "routes/found": { id: "found", uri: "/found", upstream } });
      return (await fetch(`${bed.url}/found`)).status;
    },
  },
  protos: { sees: undefined, look: () => plugins.get("grpc-transcode") },
  stream_routes: {
    sees: ["stream_routes/s"],
    look: async (bed) => {
      await bed.put({ "stream_routes/s": { id: "s", upstream: bed.upstream } });
      const { unserved } = bed.gateway.status();
      return unserved.map(({ resource }) => resource).filter((name) => name.startsWith("stream_"));
    },
  },
  ssls: { sees: "no TLS", look: speakTls },
};

/** The extensions that a client and an upstream agree to, both of which know compression. */
async function agreedExtensions(bed: ProbeBed): Promise<string> {
  const service = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, server) => (server.upgrade(request) ? undefined : new Response()),
    websocket: { perMessageDeflate: true, message: () => undefined },
  });
  const upstream = { nodes: { [`127.0.0.1:${service.port}`]: 1 } };
  await bed.put({
    "services/ws": { id: "ws", enable_websocket: true, upstream },
    "routes/ws": { id: "ws", uri: "/ws", service_id: "ws" },
  });
  const socket = new WebSocket(`${bed.url.replace("http", "ws")}/ws`);
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.onopen = () => resolve(socket.extensions);
  socket.onerror = () => resolve("no WebSocket");
  const seen = await promise;
  socket.close();
  await service.stop(true);
  return seen;
}

/** What a client gets that speaks TLS to the data plane. */
async function speakTls(bed: ProbeBed): Promise<string> {
  const reply = fetch(bed.url.replace("http:", "https:"), { tls: { rejectUnauthorized: false } });
  return await reply.then(
    () => "TLS",
    () => "no TLS",
  );
}
