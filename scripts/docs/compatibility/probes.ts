import { connect, type SecureVersion } from "node:tls";
import { plugins } from "@catena/plugins";
import { namedServer } from "@catena/upstream/test-certificates";
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
      const upstream = { ...bed.upstream, scheme: "kafka" };
      await bed.put({ "routes/kafka": { id: "kafka", uri: "/kafka", upstream } });
      return (await fetch(`${bed.url}/kafka`)).status;
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
  "ssls ssl_protocols": { sees: [null, "TLSv1.3"], look: versionsWithGap },
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

/** What clients of the oldest and of the newest version get where the one between is not listed. */
async function versionsWithGap(bed: ProbeBed): Promise<(string | null)[]> {
  const { certificate: cert, key } = namedServer;
  const ssl = { id: "gap", sni: "api.test", cert, key, ssl_protocols: ["TLSv1.1", "TLSv1.3"] };
  await bed.put({ "ssls/gap": ssl });
  const port = await bed.tlsPort();
  return Promise.all([speak(port, "TLSv1.1"), speak(port, "TLSv1.3")]);
}

function speak(port: number, version: SecureVersion): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const socket = connect({
    host: "127.0.0.1",
    port,
    servername: "api.test",
    minVersion: version,
    maxVersion: version,
    rejectUnauthorized: false,
  });
  socket.once("secureConnect", () => {
    resolve(socket.getProtocol());
    socket.destroy();
  });
  socket.once("error", () => resolve(null));
  return promise;
}
