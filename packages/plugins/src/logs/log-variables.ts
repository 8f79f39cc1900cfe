import type { FurtherVariables, Variable } from "@catena/expr";
import { bodyVariables } from "../bodies/body-variables.ts";
import {
  type LogFacts,
  replyLength,
  requestLength,
  triedMs,
  upstreamAddresses,
  upstreamMs,
} from "./log-facts.ts";

/** Variables that are numbers in entries. */
export const numbers: ReadonlySet<string> = new Set([
  "body_bytes_sent",
  "bytes_sent",
  "request_length",
  "request_time",
  "status",
]);

/** What {@link logVariables} read, by the request that they are asked about. */
const known = new WeakMap<object, LogFacts>();

/** Lets variables of the end of a request be read while `read` runs. */
export function withFacts<T>(facts: LogFacts, read: () => T): T {
  known.set(facts.ctx, facts);
  try {
    return read();
  } finally {
    known.delete(facts.ctx);
  }
}

type Read = (facts: LogFacts) => string | undefined;

const reads: ReadonlyMap<string, Read> = new Map<string, Read>([
  ["balancer_ip", ({ ctx }) => ctx.sending?.tries?.at(-1)?.address],
  ["balancer_port", ({ ctx }) => text(ctx.sending?.tries?.at(-1)?.port)],
  ["body_bytes_sent", ({ bodyBytes }) => String(bodyBytes)],
  ["bytes_sent", (facts) => String(replyLength(facts))],
  ["request_length", ({ ctx }) => String(requestLength(ctx))],
  ["request_line", ({ ctx }) => `${ctx.method} ${targetOf(ctx)} HTTP/1.1`],
  ["request_time", ({ latencyMs }) => seconds(latencyMs)],
  ["request_body", ({ requestBody }) => requestBody ?? undefined],
  ["resp_body", ({ replyBody }) => replyBody ?? ""],
  ["upstream_addr", ({ ctx }) => upstreamAddresses(ctx)],
  ["upstream_status", ({ ctx }) => listed(ctx.sending?.tries?.map(({ status }) => String(status)))],
  [
    "upstream_response_time",
    ({ ctx }) => listed(ctx.sending?.tries?.map((one) => seconds(triedMs(one)))),
  ],
  [
    "apisix_upstream_response_time",
    ({ ctx }) => {
      const spentMs = upstreamMs(ctx);
      return spentMs === null ? undefined : seconds(spentMs);
    },
  ],
  ["upstream_host", ({ ctx }) => ctx.upstreamHost ?? ctx.rawHost],
  ["upstream_uri", ({ ctx }) => ctx.upstreamTarget],
]);

/** `onBody` hears that a variable needs the request's body. */
export function logVariables(onBody: () => void): FurtherVariables {
  const ofBody = bodyVariables(onBody);
  return (name) => {
    const read = reads.get(name);
    const body = ofBody(name);
    if (read === undefined) return body;
    return ((view) => {
      const facts = known.get(view);
      return facts === undefined ? undefined : read(facts);
    }) satisfies Variable;
  };
}

/** The target as it was sent, but for arguments that plugins took out or masked. */
function targetOf({ rawTarget, query }: LogFacts["ctx"]): string {
  const [path = ""] = rawTarget.split("?");
  return query === "" ? path : `${path}?${query}`;
}

function text(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}

function listed(values: readonly string[] | undefined): string | undefined {
  return values === undefined || values.length === 0 ? undefined : values.join(", ");
}
