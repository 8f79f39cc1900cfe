import type { StoredForward } from "@catena/ir";
import { JsonObjectSlices, mergeSlices, writeSlices } from "@catena/json";
import type { ChainOutcome } from "../chain-request.ts";
import { mergeQueryArguments } from "../classic/query-arguments.ts";
import type { CompileContext } from "../compile-context.ts";
import { chainErrors } from "../errors.ts";
import { wrapValueFault } from "../failure.ts";
import type { RunContext } from "../run-context.ts";
import { compileBody, type RenderedBody } from "../steps/compile-body.ts";
import { compileHeaders } from "../steps/compile-headers.ts";
import { type JsonView, viewJson } from "../values/json-view.ts";
import { prepareAll } from "../values/value-context.ts";
import { isLarger } from "./compile-reply.ts";

/** Sends the request on to the route's upstream. */
export interface CompiledForward {
  render(run: RunContext): Promise<Extract<ChainOutcome, { readonly kind: "forward" }>>;
}

const LABEL = "forward";

export function compileForward(
  stored: StoredForward,
  path: string,
  context: CompileContext,
): CompiledForward {
  const { values, limits } = context;
  if (stored.upstream_id !== undefined && context.targets.upstream(stored.upstream_id) === null)
    values.issue(
      `${path}/upstream_id`,
      "CHAIN_TARGET_MISSING",
      `there is no upstream "${stored.upstream_id}"`,
    );
  const headers = compileHeaders(stored.headers ?? {}, path, values);
  const body = stored.body === undefined ? null : compileBody(stored.body, `${path}/body`, values);
  // The merge of all results looks into every one of them.
  if (body === null) {
    for (const step of values.steps.values()) {
      values.looksInto.add(step);
      values.readsMembers.add(step);
    }
  }
  const prepares = values.takePrepares();
  const upstreamId = stored.upstream_id ?? null;
  return {
    async render(run) {
      try {
        if (prepares.length > 0) await prepareAll(prepares, run.scope);
        const setHeaders: string[] = [];
        headers.write(run.scope, setHeaders);
        const made = body === null ? mergeResults(run) : body(run.scope);
        if (!(made.body instanceof ReadableStream) && isLarger(made.body, limits.mergedBytes))
          throw chainErrors.CHAIN_MERGED_TOO_LARGE({ step: LABEL, maxBytes: limits.mergedBytes });
        return { kind: "forward", upstreamId, setHeaders, ...made };
      } catch (error) {
        throw wrapValueFault(error, LABEL, "the forwarded request");
      }
    },
  };
}

/** What the classic form ends with: the client's object, its query arguments, then every result. */
function mergeResults({ request, chain, scope }: RunContext): RenderedBody {
  const { start } = scope.input;
  if (start === null) throw chainErrors.CHAIN_INTERNAL({ step: LABEL });
  if (start.opaque !== null) return { body: start.opaque, contentType: null };
  // A GET that came without a body goes on without one (RFC 9110 §9.3.1).
  if (!start.hasBody && (request.method === "GET" || request.method === "HEAD"))
    return { body: null, contentType: null };
  const merged = new JsonObjectSlices();
  mergeSlices(merged, start.members);
  mergeQueryArguments(merged, request.query);
  for (const step of chain.steps) {
    const view = scope.results[step.index]?.view ?? null;
    if (view !== null) mergeSlices(merged, membersOf(view, step.name));
  }
  return { body: writeSlices(merged), contentType: start.declaredJson ? null : "application/json" };
}

function membersOf(view: JsonView, step: string): JsonObjectSlices {
  const looked = view.members === null ? viewJson(view.raw, Number.POSITIVE_INFINITY) : view;
  if ("kind" in looked || looked.members === null)
    throw chainErrors.CHAIN_REPLY_INVALID({
      step,
      reason: "only an object can be merged into the request",
    });
  return looked.members;
}
