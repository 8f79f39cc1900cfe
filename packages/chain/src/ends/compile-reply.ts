import type { StoredExit, StoredReply } from "@catena/ir";
import type { CompileContext } from "../compile-context.ts";
import { chainErrors } from "../errors.ts";
import { wrapValueFault } from "../failure.ts";
import type { ChainReply } from "../step-result.ts";
import { type CompiledBody, compileBody } from "../steps/compile-body.ts";
import { compileHeaders } from "../steps/compile-headers.ts";
import type { Scope } from "../values/scope.ts";
import { type Prepare, prepareAll } from "../values/value-context.ts";
import { valueFault } from "../values/value-fault.ts";

/** An answer to the client, computed when the chain or an `exit` ends it. */
export interface CompiledReply {
  /**
   * Waits only where a value of it must be waited for.
   *
   * @param label names the place in errors.
   * @throws CHAIN_VALUE_INVALID, CHAIN_MERGED_TOO_LARGE
   */
  render(scope: Scope, label: string): ChainReply | Promise<ChainReply>;
}

/** Statuses that never have a body (RFC 9110 §6.4.1). */
const BODILESS = new Set([204, 205, 304]);

export function compileReply(
  stored: StoredReply | StoredExit,
  path: string,
  context: CompileContext,
): CompiledReply {
  const { values, limits } = context;
  const body: CompiledBody | null =
    stored.body === undefined ? null : compileBody(stored.body, `${path}/body`, values);
  const status =
    stored.status === undefined ? null : values.compile(stored.status, `${path}/status`);
  const headers = compileHeaders(stored.headers ?? {}, path, values);
  const prepares = values.takePrepares();
  const render: CompiledReply["render"] = (scope, label) => {
    try {
      const code = status === null ? 200 : replyStatus(status.decoded(scope));
      const list: string[] = [];
      headers.write(scope, list);
      const made = body === null || BODILESS.has(code) ? null : body(scope);
      if (made !== null && made.contentType !== null && !headers.names.has("content-type"))
        list.push("content-type", made.contentType);
      // Never a stream: results that are referred to were buffered.
      const bytes = made === null || made.body instanceof ReadableStream ? null : made.body;
      if (isLarger(bytes, limits.mergedBytes))
        throw chainErrors.CHAIN_MERGED_TOO_LARGE({ step: label, maxBytes: limits.mergedBytes });
      return { status: code, headers: list, body: bytes };
    } catch (error) {
      throw wrapValueFault(error, label, "the reply");
    }
  };
  return { render: prepares.length === 0 ? render : renderPrepared(prepares, render) };
}

function renderPrepared(
  prepares: readonly Prepare[],
  render: CompiledReply["render"],
): CompiledReply["render"] {
  return async (scope, label) => {
    try {
      await prepareAll(prepares, scope);
    } catch (error) {
      throw wrapValueFault(error, label, "the reply");
    }
    return await render(scope, label);
  };
}

function replyStatus(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 200 && value <= 599)
    return value;
  throw valueFault("has a status that is not from 200 to 599");
}

/** Whether a text or bytes are larger than `max` bytes, counted only when it may matter. */
export function isLarger(body: string | Uint8Array | null, max: number): boolean {
  if (body === null) return false;
  if (body.length > max) return true;
  // A UTF-16 unit is at most three bytes of UTF-8.
  return typeof body === "string" && body.length * 3 > max && Buffer.byteLength(body) > max;
}
