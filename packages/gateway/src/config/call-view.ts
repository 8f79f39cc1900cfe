import { decodeComponent, type RequestView } from "@catena/expr";
import type { Caller, TargetCall } from "@catena/pipeline";

const nobody: Caller = { clientAddress: "" };

/**
 * A plugin's call as the request that its upstream gets, for what hashes on requests. Who asks is the
 * client that the call is made for; a header that the call does not carry is the client's.
 */
export function viewOfCall(call: TargetCall, rawHost: string): RequestView {
  const caller = call.caller ?? nobody;
  const [rawPath = "", ...query] = call.target.split("?");
  return {
    method: call.method,
    rawHost,
    host: rawHost.replace(/:\d+$/, "").toLowerCase(),
    path: decodeComponent(rawPath),
    rawTarget: call.target,
    query: query.join("?"),
    scheme: caller.scheme ?? "http",
    id: caller.id ?? "",
    startedAt: caller.startedAt ?? 0,
    get clientAddress() {
      return caller.clientAddress;
    },
    clientPort: caller.clientPort ?? 0,
    get peerAddress() {
      return caller.peerAddress ?? "";
    },
    serverAddress: caller.serverAddress ?? "",
    serverPort: caller.serverPort ?? 0,
    params: caller.params ?? {},
    routeId: caller.routeId ?? "",
    routeName: caller.routeName ?? "",
    serviceId: caller.serviceId ?? "",
    serviceName: caller.serviceName ?? "",
    consumer: caller.consumer ?? null,
    reply: null,
    header: (name) => headerOf(call.headers, name) ?? caller.header?.(name) ?? null,
  };
}

function headerOf(headers: readonly string[], name: string): string | null {
  const values: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === name) values.push(headers[i + 1] ?? "");
  }
  return values.length === 0 ? null : values.join(", ");
}
