import { isIP } from "node:net";
import { isGatewayError } from "@catena/errors";
import { makeOrigin } from "../node.ts";
import type { CancelScope } from "../transport/cancel-scope.ts";
import type { CallTimeouts, Origin, OriginTls, Transport } from "../transport/transport.ts";
import type { ActivePolicy } from "./check-policy.ts";

/**
 * What a probe found: a status (0 for a reply that is none), that the port is open, how it failed, or
 * nothing, because it was given up or could not be made.
 */
export type ProbeOutcome = number | "open" | "tcp" | "timeout" | "nothing";

export interface ProbeTarget {
  readonly address: string;
  readonly port: number;
  /** Host header and, without its port, server name. */
  readonly host: string;
}

export interface ProbeMeans {
  readonly transport: Transport;
  /** Authorities and the client certificate, as for the upstream's own calls. */
  readonly tls: Omit<OriginTls, "serverName" | "verify">;
  readonly cancel: CancelScope;
}

/** Never kept: every probe is to show whether a connection can be made. */
const KEEPALIVE = { size: 0, idleMs: 0, requests: 1 };

/** Makes one probe; its phases may take `timeoutMs` each. Never rejects. */
export function probe(
  policy: ActivePolicy,
  target: ProbeTarget,
  means: ProbeMeans,
): Promise<ProbeOutcome> {
  return policy.type === "tcp"
    ? probeTcp(target, policy.timeoutMs)
    : probeHttp(policy, target, means);
}

async function probeHttp(
  policy: ActivePolicy,
  target: ProbeTarget,
  { transport, tls, cancel }: ProbeMeans,
): Promise<ProbeOutcome> {
  const { timeoutMs, headers } = policy;
  const timeouts: CallTimeouts = { connectMs: timeoutMs, sendMs: timeoutMs, readMs: timeoutMs };
  try {
    const { status, body } = await transport.send({
      origin: probeOrigin(policy, target, tls),
      method: policy.method,
      target: policy.target,
      headers: hasHost(headers) ? headers : [...headers, "Host", target.host],
      body: policy.body,
      timeouts,
      deadlineAt: Number.POSITIVE_INFINITY,
      maxBodyBytes: Number.POSITIVE_INFINITY,
      buffered: false,
      cancel,
      idempotent: false,
    });
    // The status tells everything; the rest of the body is not waited for.
    if (body instanceof ReadableStream) await body.cancel();
    return status;
  } catch (error) {
    return outcomeOf(error);
  }
}

function probeOrigin(policy: ActivePolicy, target: ProbeTarget, tls: ProbeMeans["tls"]): Origin {
  const { address, port, host } = target;
  if (policy.type !== "https") {
    const settings = { scheme: "http", keepalive: KEEPALIVE, tls: null, poolKey: "probe" } as const;
    return makeOrigin(settings, address, port, null);
  }
  const name = host.replace(/:\d+$/, "");
  const isAddress = name.startsWith("[") || isIP(name) !== 0;
  const settings = {
    scheme: "https",
    keepalive: KEEPALIVE,
    tls: { ...tls, verify: policy.verify },
    poolKey: "probe",
  } as const;
  return makeOrigin(settings, address, port, isAddress ? null : name);
}

function hasHost(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2)
    if ((headers[i] ?? "").toLowerCase() === "host") return true;
  return false;
}

function outcomeOf(error: unknown): ProbeOutcome {
  if (!isGatewayError(error)) return "nothing";
  switch (error.code) {
    case "UPSTREAM_CONNECT_TIMEOUT":
    case "UPSTREAM_SEND_TIMEOUT":
    case "UPSTREAM_READ_TIMEOUT":
      return "timeout";
    case "UPSTREAM_BAD_REPLY":
      return 0;
    case "UPSTREAM_REFUSED":
    case "UPSTREAM_RESET":
    case "UPSTREAM_TLS":
      return "tcp";
    default:
      return "nothing";
  }
}

/** Connects and closes. A connect can't be stopped: one that opens after its time is closed then. */
function probeTcp({ address, port }: ProbeTarget, timeoutMs: number): Promise<ProbeOutcome> {
  const found = Promise.withResolvers<ProbeOutcome>();
  const timer = setTimeout(() => found.resolve("timeout"), timeoutMs);
  Bun.connect({
    hostname: address,
    port,
    socket: {
      open: (socket) => {
        found.resolve("open");
        socket.terminate();
      },
      data: () => {},
      connectError: () => found.resolve("tcp"),
    },
  }).catch(() => found.resolve("tcp"));
  return found.promise.finally(() => clearTimeout(timer));
}
