import type { StoredValue } from "@catena/ir";
import type { CallBody } from "@catena/upstream";
import { replyHeader } from "../step-result.ts";
import type { CompiledValue } from "../values/compiled-value.ts";
import type { Scope } from "../values/scope.ts";
import type { ValueContext } from "../values/value-context.ts";

/** What a body is sent as; `contentType` is `null` when there is none to say. */
export interface RenderedBody {
  readonly body: CallBody;
  readonly contentType: string | null;
}

export type CompiledBody = (scope: Scope) => RenderedBody;

const JSON_TYPE = "application/json";
const NO_BODY: RenderedBody = { body: null, contentType: null };

/**
 * Compiles a body. A bare reference to the client's body or to a step's response passes the bytes
 * and their media type on as they came; everything else is written as JSON.
 */
export function compileBody(value: StoredValue, path: string, context: ValueContext): CompiledBody {
  const bare = bareReference(value);
  if (bare !== null && bare.length === 2 && bare[0] === "input" && bare[1] === "body") {
    context.passesBody = true;
    return clientBody;
  }
  const step = bare !== null && bare.length === 1 ? context.steps.get(String(bare[0])) : undefined;
  if (step !== undefined) {
    context.passes.add(step);
    return (scope) => stepBody(scope, step);
  }
  return jsonBody(context.compile(value, path));
}

/** A body that is always JSON. */
function jsonBody(value: CompiledValue): CompiledBody {
  return (scope) => {
    const body = value.json(scope);
    return body === undefined ? NO_BODY : { body, contentType: JSON_TYPE };
  };
}

function clientBody(scope: Scope): RenderedBody {
  const { bytes, body, request } = scope.input;
  if (bytes !== null && bytes.length > 0)
    return { body: bytes, contentType: request.header("content-type") };
  // A sub-chain's input is a value of the chain that calls it.
  return body === null ? NO_BODY : { body: body.raw, contentType: JSON_TYPE };
}

function stepBody(scope: Scope, step: number): RenderedBody {
  const result = scope.results[step];
  if (result === undefined) return NO_BODY;
  const { reply, view } = result;
  if (reply?.body instanceof Uint8Array && result.state === "done")
    return { body: reply.body, contentType: replyHeader(reply, "content-type") };
  return view === null ? NO_BODY : { body: view.raw, contentType: JSON_TYPE };
}

function bareReference(value: StoredValue): readonly (string | number)[] | null {
  if (typeof value !== "object" || value === null || !("$ref" in value)) return null;
  return Array.isArray(value.$ref) ? value.$ref : null;
}
