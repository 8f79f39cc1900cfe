import {
  type ChainOutcome,
  ChainTrace,
  compileChain,
  compileClassic,
  createSurvivingState,
  createUndoLog,
  runChain,
  runClassic,
} from "@catena/chain";
import type { TargetResolver } from "@catena/pipeline";
import type { ClassicChain } from "@catena/schema";
import { bytesOf } from "./call-body.ts";
import { ChainResult, type Forwarded } from "./chain-result.ts";
import { testingErrors } from "./errors.ts";
import { answerOf, faultOf, isFailure, type Mock } from "./mock.ts";
import { readHeaders, type SentCall } from "./sent-call.ts";
import type { Subject } from "./subject.ts";
import { type TestRequest, toChainRequest } from "./test-request.ts";
import { wordIssues } from "./word-issues.ts";

/** Destinations that remember what was sent to them. */
export interface WatchedTargets extends TargetResolver {
  readonly calls: readonly SentCall[];
}

/**
 * Runs a chain for one request, to its very end: undo calls and the reply of the upstream it
 * forwards to are part of the result.
 *
 * @param upstream what the route's upstream answers; `null` ends the run where it forwards.
 */
export async function runOnce(
  subject: Subject,
  request: TestRequest,
  targets: WatchedTargets,
  upstream: Mock<unknown> | null,
): Promise<ChainResult> {
  const trace = new ChainTrace();
  const records = new Map<string, string>();
  const outcome = await runOf(subject, request, targets, records, trace);
  const end = await endOf(outcome, subject, request, upstream);
  return new ChainResult({
    ...end,
    code: outcome.kind === "reply" ? (outcome.error?.code ?? null) : null,
    calls: targets.calls,
    trace,
    undoRecords: [...records.values()],
  });
}

async function runOf(
  subject: Subject,
  request: TestRequest,
  targets: TargetResolver,
  records: Map<string, string>,
  trace: ChainTrace,
): Promise<ChainOutcome> {
  const { conf, id, route } = subject;
  const chainRequest = toChainRequest(request, route);
  if (subject.isClassic) {
    // The subject was compiled, so it has passed the rules of the classic form.
    const { value, issues } = compileClassic(conf as unknown as ClassicChain, { targets });
    if (value === undefined) throw testingErrors.TESTING_CHAIN({ reason: wordIssues(issues) });
    return runClassic(value, chainRequest, trace);
  }
  const { value, issues } = compileChain(conf, {
    id,
    targets,
    chain: subject.chain,
    state: createSurvivingState(`routes/${id}`),
    undo: {
      log: createUndoLog({
        put: async (key, text) => void records.set(key, text),
        remove: async (key) => void records.delete(key),
      }),
      report: () => undefined,
    },
    // Retries follow at once: a test does not wait.
    random: () => 0,
  });
  if (value === undefined) throw testingErrors.TESTING_CHAIN({ reason: wordIssues(issues) });
  return runChain(value, chainRequest, trace);
}

interface End {
  readonly status: number;
  readonly headers: readonly string[];
  readonly bytes: Uint8Array | null;
  readonly forwarded: Forwarded | null;
}

async function endOf(
  outcome: ChainOutcome,
  subject: Subject,
  request: TestRequest,
  upstream: Mock<unknown> | null,
): Promise<End> {
  if (outcome.kind === "reply") {
    const { status, headers, body } = outcome;
    return { status, headers, bytes: await bytesOf(body), forwarded: null };
  }
  const forwarded: Forwarded = {
    upstream: outcome.upstreamId,
    headers: readHeaders(outcome.setHeaders),
    bytes: await bytesOf(outcome.body),
  };
  if (upstream === null) {
    await outcome.settle?.(true);
    return { status: 200, headers: [], bytes: null, forwarded };
  }
  const { path, method } = toChainRequest(request, subject.route);
  const answered = await answerOf(upstream, {
    operation: "upstream",
    method,
    target: path,
    params: request.params ?? {},
    query: request.query ?? {},
    headers: forwarded.headers,
    body: forwarded.bytes === null ? undefined : new TextDecoder().decode(forwarded.bytes),
    count: 1,
    repeat: 1,
  });
  if (isFailure(answered)) {
    await outcome.settle?.(false);
    throw faultOf(answered, "the route's upstream");
  }
  await outcome.settle?.(answered.status < 400);
  const text = answered.body === undefined ? null : JSON.stringify(answered.body);
  return {
    status: answered.status,
    headers: Object.entries(answered.headers).flatMap(([name, value]) => [name, String(value)]),
    bytes: text === null ? null : new TextEncoder().encode(text),
    forwarded,
  };
}
