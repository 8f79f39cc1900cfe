import type { CallValues } from "@catena/chain";
import type { Style } from "../output.ts";
import { indentJson } from "./indent-json.ts";
import type { Tried, TriedStep } from "./tried.ts";
import { drawWaterfall } from "./waterfall.ts";

/** Everything there is to see of one request: the reply, and how the steps went. */
export function formatTried(tried: Tried, style: Style, isVerbose: boolean): string {
  const { chain, method, target, status, headers, body, durationMs } = tried;
  const paint = status >= 500 ? style.red : status >= 400 ? style.yellow : style.green;
  const took = `${durationMs.toFixed(1)} ms`;
  return [
    `${style.bold(`${method} ${target}`)}  ${style.dim(`chain ${chain}`)}`,
    `${paint(String(status))} in ${took}`,
    ...Object.entries(headers).map(([name, value]) => style.dim(`${name}: ${value}`)),
    ...(body === null ? [] : ["", isJson(body) ? indentJson(body) : body]),
    "",
    drawWaterfall(tried, style),
    ...(isVerbose ? formatCalls(tried, style) : []),
    ...formatNotes(tried, style),
  ].join("\n");
}

/** What `catena try --json` prints; the reply's body in it is as it is, so that no number is altered. */
export function triedToJson(tried: Tried): string {
  const { chain, method, target, status, headers, body, durationMs } = tried;
  const { steps, failure, faults, warnings } = tried;
  const hole = crypto.randomUUID();
  const hasJson = body !== null && isJson(body);
  const json = JSON.stringify({
    chain,
    request: { method, target },
    reply: { status, headers, ...(body === null ? {} : { body: hasJson ? hole : body }) },
    duration_ms: round(durationMs),
    steps: steps.map(stepToJson),
    ...(failure === null ? {} : { failure }),
    ...(faults.length === 0 ? {} : { faults }),
    ...(warnings.length === 0 ? {} : { warnings }),
  });
  return indentJson(hasJson ? json.replace(`"${hole}"`, () => body) : json);
}

function stepToJson(step: TriedStep): object {
  const { outcome, attempts, status, reason, bytes, calls, call } = step;
  return {
    step: step.step,
    start_ms: round(step.startMs),
    duration_ms: round(step.durationMs),
    outcome,
    attempts,
    ...(status === null ? {} : { status }),
    ...(reason === null ? {} : { reason }),
    bytes,
    calls,
    ...(call === null ? {} : { call: callToJson(call) }),
  };
}

function callToJson({ to, headers, body, replyHeaders, replyBody }: CallValues): object {
  return { to, headers, body, reply_headers: replyHeaders, reply_body: replyBody };
}

function formatCalls({ steps }: Tried, style: Style): readonly string[] {
  return steps.flatMap(({ step, call, status }) => {
    if (call === null) return [];
    return [
      "",
      `${style.bold(step)}  ${call.method} ${call.target}  ${style.dim(call.to)}`,
      ...formatMessage(call.headers, call.body, ">", style),
      ...(call.replyHeaders === null
        ? []
        : [`  < ${status}`, ...formatMessage(call.replyHeaders, call.replyBody, "<", style)]),
    ];
  });
}

function formatMessage(
  headers: Readonly<Record<string, string>>,
  body: string | null,
  mark: string,
  style: Style,
): readonly string[] {
  return [
    ...Object.entries(headers).map(([name, value]) => style.dim(`  ${mark} ${name}: ${value}`)),
    ...(body === null ? [] : [`  ${mark} ${body}`]),
  ];
}

function formatNotes(tried: Tried, style: Style): readonly string[] {
  const { failure, faults, warnings, steps } = tried;
  const lines = [
    ...warnings.map((warning) => `${style.yellow("warning")} ${warning}`),
    ...(failure === null
      ? []
      : [`${style.red("failed")} ${failure.reason} ${style.dim(`[${failure.code}]`)}`]),
    ...faults.map((fault) => `  ${fault}`),
    ...(faults.some((fault) => fault.includes("does not resolve"))
      ? ["  name the hosts of services in the settings: resolver.hosts (docs/settings.md)"]
      : []),
    ...steps
      .filter(({ step, outcome }) => step.endsWith(".undo") && outcome === "failed")
      .map(({ step }) => `${style.red("not undone")} ${step.slice(0, -".undo".length)}`),
  ];
  return lines.length === 0 ? [] : ["", ...lines];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
