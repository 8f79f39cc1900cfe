import type { Issue } from "@catena/errors";
import { defined } from "../actions/action.ts";
import type { PartPosition } from "../declaration.ts";
import { dslIssue } from "../errors.ts";
import { toJsonSchema } from "../json-schema.ts";
import { refuseUnknown } from "../refuse-unknown.ts";
import { toStoredResponse, toStoredTarget } from "../service.ts";
import type { AuthoredChain, AuthoredEnd, AuthoredStep } from "./authored-chain.ts";
import { callerAuthorization, tokenAuthorization } from "./authorization.ts";
import type { ChainLimits, InputSchemas } from "./chain-options.ts";
import { sendsBody } from "./classic-call.ts";
import { type LoweredChain, PLUGIN_PATH } from "./lowered-chain.ts";
import { mergedValue } from "./merged-value.ts";

/** Writes a chain in the step form, version 1. */
export function toSteps(chain: AuthoredChain, end: AuthoredEnd): LoweredChain {
  const { options } = chain;
  const issues: Issue[] = [];
  if (options.errorBodies !== undefined) {
    issues.push(
      dslIssue("DSL_CHAIN", "errorBodies is for chains of the classic form, which this is not", {
        hint: "leave it out: errors name the step and never an address",
        source: chain.source,
      }),
    );
  }
  const steps = chain.steps.map((step, index) => toStep(step, index, chain));
  const conf = {
    v: 1,
    id: options.chainId,
    input: options.input === undefined ? undefined : toStoredInput(options.input),
    output: options.output === undefined ? undefined : toJsonSchema(options.output),
    deadline: options.deadline,
    limits: options.limits === undefined ? undefined : toStoredLimits(options.limits),
    on_client_gone: options.onClientGone,
    server_timing: options.serverTiming,
    steps,
    ...toStoredEnd(end, options.tokenHeader),
  };
  return { conf, issues, positions: positionsOf(chain, end) };
}

function toStep(
  step: AuthoredStep,
  index: number,
  { steps, options }: AuthoredChain,
): Readonly<Record<string, unknown>> {
  const { name, classic, stored, undo } = step;
  const earlier = steps.slice(0, index).filter(({ kind }) => kind !== "exit");
  const does =
    classic === undefined
      ? withToken(stored, options.tokenHeader)
      : fromClassic(
          step,
          earlier.map((other) => other.name),
          options.tokenHeader,
        );
  return defined({
    name,
    ...does,
    undo: undo === undefined ? undefined : withToken(undo.stored, options.tokenHeader),
  });
}

/** A step of the classic form beside others: the same call, spelt out. */
function fromClassic(
  { classic }: AuthoredStep,
  earlier: readonly string[],
  tokenHeader: string | undefined,
): Readonly<Record<string, unknown>> {
  if (classic === undefined) return {};
  const { op, target, method = "POST", path, query, response, timeout } = classic;
  const hasBody = classic.sendBody ?? sendsBody(method);
  const before = earlier.at(-1);
  return {
    call: defined({
      op,
      ...toStoredTarget(target),
      method,
      path,
      query,
      headers: tokenHeader === undefined ? callerAuthorization : tokenAuthorization(tokenHeader),
      body: hasBody ? mergedValue(earlier) : undefined,
      response: toStoredResponse(response),
    }),
    timeout,
    // One that only reads would not wait, and the steps of the classic form go one after another.
    after: hasBody || before === undefined ? undefined : [before],
  };
}

/** Sends the client's token with every call that has no `authorization` of its own. */
function withToken(
  stored: Readonly<Record<string, unknown>>,
  tokenHeader: string | undefined,
): Readonly<Record<string, unknown>> {
  if (tokenHeader === undefined) return stored;
  return mapCalls(stored, (call) => ({
    ...call,
    headers: withAuthorization(call["headers"], tokenHeader),
  }));
}

function withAuthorization(
  headers: unknown,
  tokenHeader: string,
): Readonly<Record<string, unknown>> {
  const own: Readonly<Record<string, unknown>> = { ...Object(headers) };
  const hasOwn = Object.keys(own).some((name) => name.toLowerCase() === "authorization");
  return hasOwn ? own : { ...own, ...tokenAuthorization(tokenHeader) };
}

type Members = Readonly<Record<string, unknown>>;

/** Changes the call of a step, of an `each` and of every branch. */
function mapCalls(stored: Members, map: (call: Members) => Members): Members {
  const { call, each, choose } = stored;
  const inner = (action: unknown): Members => mapCalls(Object(action), map);
  const { branches, otherwise } = Object(choose);
  return {
    ...stored,
    ...(call === undefined ? {} : { call: map(Object(call)) }),
    ...(each === undefined ? {} : { each: { ...each, do: inner(Object(each).do) } }),
    ...(choose === undefined
      ? {}
      : {
          choose: {
            ...choose,
            branches: branches.map(inner),
            ...(otherwise === undefined ? {} : { otherwise: inner(otherwise) }),
          },
        }),
  };
}

const INPUT = [
  "body",
  "query",
  "params",
  "headers",
] as const satisfies readonly (keyof InputSchemas)[];

function toStoredInput(input: InputSchemas): Readonly<Record<string, unknown>> {
  refuseUnknown(input, INPUT, "a part of the request with a schema");
  const schema = (name: keyof InputSchemas) =>
    input[name] === undefined ? undefined : toJsonSchema(input[name]);
  return defined({
    body: schema("body"),
    query: schema("query"),
    params: schema("params"),
    headers: schema("headers"),
  });
}

const LIMITS = [
  "requestBytes",
  "responseBytes",
  "mergedBytes",
  "jsonDepth",
  "subDepth",
] as const satisfies readonly (keyof ChainLimits)[];

function toStoredLimits(limits: ChainLimits): Readonly<Record<string, unknown>> {
  refuseUnknown(limits, LIMITS, "a limit of a chain");
  return defined({
    request_bytes: limits.requestBytes,
    response_bytes: limits.responseBytes,
    merged_bytes: limits.mergedBytes,
    json_depth: limits.jsonDepth,
    sub_depth: limits.subDepth,
  });
}

function toStoredEnd(end: AuthoredEnd, tokenHeader: string | undefined): Members {
  switch (end.kind) {
    case "reply":
      return { reply: end.stored };
    case "stream":
      return { stream: end.step };
    case "forward":
      return {
        forward:
          tokenHeader === undefined
            ? end.stored
            : { ...end.stored, headers: withAuthorization(end.stored.headers, tokenHeader) },
      };
  }
}

function positionsOf(chain: AuthoredChain, end: AuthoredEnd): readonly PartPosition[] {
  const places: (readonly [string, PartPosition["source"] | undefined])[] = [
    ...chain.steps.flatMap(({ source, undo }, index) => [
      [`steps/${index}`, source] as const,
      [`steps/${index}/undo`, undo?.source] as const,
    ]),
    [end.kind, end.source],
  ];
  return places.flatMap(([path, source]) =>
    source === undefined ? [] : [{ path: `${PLUGIN_PATH}/${path}`, source }],
  );
}
