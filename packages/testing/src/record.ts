import { isGatewayError } from "@catena/errors";
import {
  type CallTarget,
  type TargetCall,
  type TargetResolver,
  targetBySending,
} from "@catena/pipeline";
import type { UpstreamReply } from "@catena/upstream";
import { bytesOf, decodeBody } from "./call-body.ts";
import type { ChainResult } from "./chain-result.ts";
import { compileAll } from "./compile-all.ts";
import type { Operations } from "./operations.ts";
import type { RecordedCall, Recording } from "./recording.ts";
import { runOnce, type WatchedTargets } from "./run-once.ts";
import { readHeaders, readQuery, type SentCall } from "./sent-call.ts";
import { findSubject } from "./subject.ts";
import type { TestRequest } from "./test-request.ts";

/** Headers whose values are somebody's credentials. */
const CREDENTIALS: ReadonlySet<string> = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "x-api-key",
  "apikey",
]);

const MASK = "***";

/**
 * Runs a chain once against real services and writes down what happened.
 *
 * @param targets where the services are, such as {@link liveTargets}.
 * @throws TESTING_CHAIN when the chain does not compile, or an upstream is not among the targets.
 *
 * @example
 * const live = liveTargets({ upstreams: { "users-v1": "http://127.0.0.1:8081" } });
 * const { recording } = await recordRun(checkout, { body }, live.targets);
 * await Bun.write("checkout.recording.json", JSON.stringify(recording, null, 2));
 */
export async function recordRun(
  config: object,
  request: TestRequest,
  targets: TargetResolver,
  options: { readonly route?: string } = {},
): Promise<{ readonly result: ChainResult; readonly recording: Recording }> {
  const subject = findSubject(compileAll(config), options.route);
  const recorder = new Recorder(targets, subject.operations);
  const result = await runOnce(subject, request, recorder, null);
  const { status, body } = result;
  const recording: Recording = {
    v: 1,
    chain: subject.id,
    request: maskRequest(request),
    calls: recorder.recorded,
    reply: { status, ...(body === undefined ? {} : { body }) },
  };
  return { result, recording };
}

/** Passes calls on and keeps them with their answers, in the order they were made. */
class Recorder implements WatchedTargets {
  readonly calls: SentCall[] = [];
  readonly #answers: Pick<RecordedCall, "headers" | "body">[] = [];
  readonly #inner: TargetResolver;
  readonly #operations: Operations;

  constructor(inner: TargetResolver, operations: Operations) {
    this.#inner = inner;
    this.#operations = operations;
  }

  upstream(id: string): CallTarget | null {
    return this.#watch(this.#inner.upstream(id), `upstream:${id}`);
  }

  uri(uri: string): CallTarget | null {
    return this.#watch(this.#inner.uri(uri), `uri:${uri}`);
  }

  get recorded(): readonly RecordedCall[] {
    return this.calls.flatMap(({ operation, method, target, body, answer }, index) =>
      answer === "unanswered"
        ? []
        : [
            {
              operation,
              method,
              target,
              ...(body === undefined ? {} : { sent: body }),
              answer,
              ...this.#answers[index],
            },
          ],
    );
  }

  #watch(inner: CallTarget | null, target: string): CallTarget | null {
    return inner === null ? null : targetBySending((call) => this.#send(inner, target, call));
  }

  async #send(inner: CallTarget, target: string, call: TargetCall): Promise<UpstreamReply> {
    const [path = "", search = ""] = call.target.split("?", 2);
    const matched = this.#operations.match(target, call.method, path);
    const bytes = await bytesOf(call.body);
    const sent = {
      operation: matched?.operation.name ?? target,
      method: call.method,
      target: call.target,
      params: matched?.params ?? {},
      query: readQuery(search),
      headers: maskHeaders(readHeaders(call.headers)),
      body: decodeBody(bytes),
    };
    const index = this.calls.push({ ...sent, answer: "unanswered" }) - 1;
    try {
      const reply = await inner.send({ ...call, body: bytes });
      const body = await bytesOf(reply.body);
      this.calls[index] = { ...sent, answer: reply.status };
      const decoded = decodeBody(body);
      this.#answers[index] = {
        headers: maskHeaders(readHeaders(reply.headers)),
        ...(decoded === undefined ? {} : { body: decoded }),
      };
      return { status: reply.status, headers: reply.headers, body };
    } catch (error) {
      this.calls[index] = { ...sent, answer: faultIn(error) };
      throw error;
    }
  }
}

function faultIn(error: unknown): "refused" | "timeout" | "reset" {
  if (!isGatewayError(error)) return "reset";
  if (error.details["sent"] === false) return "refused";
  return error.status === 504 ? "timeout" : "reset";
}

function maskHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, CREDENTIALS.has(name) ? MASK : value]),
  );
}

function maskRequest(request: TestRequest): TestRequest {
  const { headers } = request;
  if (headers === undefined) return request;
  const masked = Object.entries(headers).map(([name, value]) => [
    name,
    CREDENTIALS.has(name.toLowerCase()) ? MASK : value,
  ]);
  return { ...request, headers: Object.fromEntries(masked) };
}
