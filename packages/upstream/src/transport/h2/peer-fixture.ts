import { type H2PeerOptions, startH2Peer } from "@catena/testkit";
import { callOf, originOf } from "../../conformance/call-fixture.ts";
import type { Origin, UpstreamCall } from "../transport.ts";
import { createH2Transport } from "./h2-transport.ts";

/** What {@link cleanUp} ends. */
export const cleanups: (() => unknown)[] = [];

/** For `afterEach`: ends what a test began, the last first. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

export const OK = [":status", "200"];
export const POST: Partial<UpstreamCall> = { method: "POST", body: "once", idempotent: false };
export const short = { connectMs: 300, sendMs: 5_000, readMs: 60 };

export function grpcOrigin(port: number, more: Partial<Origin> = {}): Origin {
  return originOf(port, { key: `grpc#${port}`, scheme: "grpc", ...more });
}

/** A peer, a transport, and a call for it. */
export function peerFixture(options: H2PeerOptions, more: Partial<Origin> = {}) {
  const server = startH2Peer(options);
  const transport = createH2Transport();
  cleanups.push(
    () => server.stop(),
    () => transport.close(),
  );
  const call = callOf(grpcOrigin(server.port, more));
  const heads = () => server.frames.filter(({ type }) => type === 1).length;
  const resets = () =>
    server.frames
      .filter(({ type }) => type === 3)
      .map(({ stream, payload }) => [stream, payload.readUInt32BE()]);
  return { server, transport, call, heads, resets };
}
