import {
  type ChainLimits,
  type ChainOutcome,
  type ChainRequest,
  ChainTrace,
  compileChain,
  compileClassic,
  createSurvivingState,
  createUndoLog,
  runChain,
  runClassic,
  type ValueBounds,
  ValueRecorder,
} from "@catena/chain";
import { isGatewayError } from "@catena/errors";
import { statusReply, type TargetResolver } from "@catena/pipeline";
import type { ClassicChain } from "@catena/schema";
import { CancelScope } from "@catena/upstream";
import { bytesOf } from "./call-body.ts";
import { ChainResult, type Forwarded, type RunEnd } from "./chain-result.ts";
import { testingErrors } from "./errors.ts";
import type { Forwarding } from "./forwarding.ts";
import { readHeaders, type SentCall } from "./sent-call.ts";
import type { Subject } from "./subject.ts";
import { type TestRequest, toChainRequest } from "./test-request.ts";
import { wordIssues } from "./word-issues.ts";

/** Destinations that remember what was sent to them. */
export interface WatchedTargets extends TargetResolver {
  readonly calls: readonly SentCall[];
}

export interface RunOptions {
  /** Takes what the chain sends on; `null` ends the run there. */
  readonly forwarding: Forwarding | null;
  /** The gateway's; default: what a gateway has that sets none. */
  readonly limits?: Partial<ChainLimits>;
  /** For the jitter of retries; default: they follow at once, so that a test does not wait. */
  readonly random?: () => number;
  /** Keeps so much of what calls said in the trace, with secrets masked; default: nothing. */
  readonly values?: ValueBounds | undefined;
  /** The client leaves when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds since 1970 that are `now()` all along; default: the time that it is. */
  readonly nowMs?: number | undefined;
}

/**
 * Runs a chain for one request, to its very end: undo calls and the reply of the upstream it
 * forwards to are part of the result.
 */
export async function runOnce(
  subject: Subject,
  request: TestRequest,
  targets: WatchedTargets,
  options: RunOptions,
): Promise<ChainResult> {
  const chainRequest = toChainRequest(request, subject.route, cancelOf(options.signal));
  const { values } = options;
  const trace = new ChainTrace(
    values === undefined ? {} : { values: new ValueRecorder(chainRequest, values) },
  );
  const records = new Map<string, string>();
  const run = makeRun(subject, targets, records, options);
  const startMs = performance.now();
  const end = await endOf(() => run(chainRequest, trace), chainRequest, options.forwarding);
  return new ChainResult({
    ...end,
    forwardStep: options.forwarding?.step ?? null,
    request: chainRequest,
    operations: subject.operations.names,
    stepNames: subject.steps,
    calls: targets.calls,
    trace,
    startMs,
    endMs: performance.now(),
    undoRecords: [...records.values()],
  });
}

type RunChain = (request: ChainRequest, trace: ChainTrace) => Promise<ChainOutcome>;

/** @throws TESTING_CHAIN */
function makeRun(
  subject: Subject,
  targets: TargetResolver,
  records: Map<string, string>,
  { limits = {}, random = () => 0, nowMs }: RunOptions,
): RunChain {
  const { conf, id } = subject;
  if (subject.isClassic) {
    // The subject was compiled, so it has passed the rules of the classic form.
    const { value, issues } = compileClassic(conf as unknown as ClassicChain, { targets, limits });
    if (value === undefined) throw testingErrors.TESTING_CHAIN({ reason: wordIssues(issues) });
    return (request, trace) => runClassic(value, request, trace);
  }
  const { value, issues } = compileChain(conf, {
    id,
    targets,
    chain: subject.chain,
    limits,
    state: createSurvivingState(`routes/${id}`),
    undo: {
      log: createUndoLog({
        put: async (key, text) => void records.set(key, text),
        remove: async (key) => void records.delete(key),
      }),
      report: () => undefined,
    },
    random,
    ...(nowMs === undefined
      ? {}
      : { clock: { monotonicMs: () => performance.now(), wallMs: () => nowMs } }),
  });
  if (value === undefined) throw testingErrors.TESTING_CHAIN({ reason: wordIssues(issues) });
  return (request, trace) => runChain(value, request, trace);
}

type End = Pick<RunEnd, "status" | "headers" | "bytes" | "code" | "reason" | "forwarded">;

async function endOf(
  run: () => Promise<ChainOutcome>,
  request: ChainRequest,
  forwarding: Forwarding | null,
): Promise<End> {
  let outcome: ChainOutcome;
  try {
    outcome = await run();
  } catch (error) {
    // What the gateway says for the chain: a body that is too large, a client that left.
    if (!isGatewayError(error) || error.code.startsWith("TESTING_")) throw error;
    const { status, headers, body } = statusReply(error.status);
    const { code, message } = error;
    return { status, headers, bytes: await bytesOf(body), code, reason: message, forwarded: null };
  }
  if (outcome.kind === "reply") {
    const { status, headers, body, error } = outcome;
    const cause = isGatewayError(error?.cause) ? `: ${error.cause.message}` : "";
    return {
      status,
      headers,
      bytes: await bytesOf(body),
      code: error?.code ?? null,
      reason: error === undefined ? null : error.message + cause,
      forwarded: null,
    };
  }
  return forward(outcome, request, forwarding);
}

async function forward(
  outcome: Extract<ChainOutcome, { readonly kind: "forward" }>,
  request: ChainRequest,
  forwarding: Forwarding | null,
): Promise<End> {
  // Read here once: a stream cannot be read by the upstream and for the result.
  const bytes = await bytesOf(outcome.body);
  const forwarded: Forwarded = {
    upstream: outcome.upstreamId,
    headers: readHeaders(outcome.setHeaders),
    bytes,
  };
  if (forwarding === null) {
    await outcome.settle?.(true);
    return { status: 200, headers: [], bytes: null, code: null, reason: null, forwarded };
  }
  const reply = await forwarding.send({ ...outcome, body: bytes }, request);
  await outcome.settle?.(reply.status < 400);
  return { ...reply, forwarded };
}

function cancelOf(signal: AbortSignal | undefined): CancelScope {
  const scope = new CancelScope();
  if (signal?.aborted === true) scope.cancel("client-gone");
  signal?.addEventListener("abort", () => scope.cancel("client-gone"), { once: true });
  return scope;
}
