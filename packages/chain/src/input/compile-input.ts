import type { JsonSchema, StoredChain } from "@catena/ir";
import { type JsonObjectSlices, writeSlices } from "@catena/json";
import { requestErrors } from "@catena/pipeline";
import type { ChainRequest } from "../chain-request.ts";
import { readBody, startWith } from "../classic/start-value.ts";
import { chainErrors } from "../errors.ts";
import { jsonText } from "../json-text.ts";
import type { ChainLimits } from "../limits.ts";
import { type InputCoercions, InputView, viewRequestBody } from "../values/input-view.ts";
import type { JsonView } from "../values/json-view.ts";
import type { ValueContext } from "../values/value-context.ts";
import { compileCheck, type SchemaCheck } from "./compile-check.ts";

/** What of a request a chain reads before its first step, and what it refuses. */
export interface CompiledInput {
  readonly body: SchemaCheck | null;
  readonly query: SchemaCheck | null;
  readonly params: SchemaCheck | null;
  readonly headers: SchemaCheck | null;
  readonly coercions: InputCoercions;
  readonly looksIntoBody: boolean;
  readonly passesBody: boolean;
  /** The body is what the results are merged into, as in the classic form. */
  readonly mergesBody: boolean;
}

type Scalar = "number" | "boolean";

/** What the rest of a chain does with the client's body. */
export type BodyUse = Pick<CompiledInput, "looksIntoBody" | "passesBody" | "mergesBody">;

export function compileInput(
  stored: StoredChain["input"],
  use: BodyUse,
  context: Pick<ValueContext, "issue">,
): CompiledInput {
  return {
    body: compileCheck(stored?.body, "/input/body", context),
    query: compileCheck(stored?.query, "/input/query", context),
    params: compileCheck(stored?.params, "/input/params", context),
    headers: compileCheck(stored?.headers, "/input/headers", context),
    coercions: {
      query: scalarMembers(stored?.query, false),
      params: scalarMembers(stored?.params, false),
      headers: scalarMembers(stored?.headers, true),
    },
    ...use,
    looksIntoBody: use.looksIntoBody || stored?.body !== undefined,
  };
}

/**
 * Reads what the chain needs of the request and holds it against the schemas.
 *
 * @throws CHAIN_REQUEST_INVALID, CHAIN_INPUT_INVALID (400), REQUEST_TOO_LARGE (413),
 *   REQUEST_NOT_UTF8 (400)
 */
export function readInput(
  input: CompiledInput,
  request: ChainRequest,
  limits: ChainLimits,
  startedAtMs: number,
): InputView | Promise<InputView> {
  // Also where nobody reads it: a body over the limit is refused before the first step.
  const declared = Number(request.header("content-length") ?? 0);
  if (declared > limits.requestBytes)
    throw requestErrors.REQUEST_TOO_LARGE({ limitBytes: limits.requestBytes });
  if (input.passesBody || input.mergesBody)
    return readInputLater(input, request, limits, startedAtMs);
  if (!input.looksIntoBody) return viewInput(input, request, null, startedAtMs);
  const text = request.bodyText(limits.requestBytes);
  if (text instanceof Promise) return readTextLater(input, request, limits, startedAtMs, text);
  return viewInput(input, request, viewRequestBody(text, limits.jsonDepth), startedAtMs);
}

function viewInput(
  input: CompiledInput,
  request: ChainRequest,
  body: JsonView | null,
  startedAtMs: number,
): InputView {
  const view = new InputView(request, null, body, input.coercions, startedAtMs);
  checkInput(input, view);
  return view;
}

async function readTextLater(
  input: CompiledInput,
  request: ChainRequest,
  limits: ChainLimits,
  startedAtMs: number,
  text: Promise<string>,
): Promise<InputView> {
  return viewInput(input, request, viewRequestBody(await text, limits.jsonDepth), startedAtMs);
}

async function readInputLater(
  input: CompiledInput,
  request: ChainRequest,
  limits: ChainLimits,
  startedAtMs: number,
): Promise<InputView> {
  let bytes: Uint8Array | null = null;
  let body: JsonView | null = null;
  if (input.passesBody) {
    bytes = await request.bodyBytes(limits.requestBytes);
    if (input.looksIntoBody) body = viewRequestBody(textOf(bytes), limits.jsonDepth);
  } else if (input.looksIntoBody)
    body = viewRequestBody(await request.bodyText(limits.requestBytes), limits.jsonDepth);
  const start = input.mergesBody
    ? startWith(await readBody(request, limits.requestBytes), { maxDepth: limits.jsonDepth })
    : null;
  const view = new InputView(request, bytes, body, input.coercions, startedAtMs, start);
  checkInput(input, view);
  return view;
}

/** @throws CHAIN_INPUT_INVALID */
export function checkInput(input: CompiledInput, view: InputView): void {
  if (input.params !== null) refuse("params", input.params(written(view.params())));
  if (input.query !== null) refuse("query", input.query(written(view.query())));
  if (input.headers !== null) refuse("headers", input.headers(written(view.headers())));
  if (input.body !== null)
    refuse(
      "body",
      view.body === null ? { path: "", message: "is missing" } : input.body(view.body.raw),
    );
}

function refuse(part: string, finding: { path: string; message: string } | null): void {
  if (finding !== null)
    throw chainErrors.CHAIN_INPUT_INVALID({ part, path: finding.path, reason: finding.message });
}

function written(members: JsonObjectSlices): string {
  return writeSlices(members);
}

function textOf(bytes: Uint8Array): string {
  const text = jsonText(bytes);
  if (text === null) throw chainErrors.CHAIN_REQUEST_INVALID({ reason: "it is not UTF-8" });
  return text;
}

/** Members that a schema declares as a number or boolean: text of that form counts as one. */
function scalarMembers(
  schema: JsonSchema | undefined,
  isHeader: boolean,
): ReadonlyMap<string, Scalar> {
  const found = new Map<string, Scalar>();
  const properties = schema?.["properties"];
  if (typeof properties !== "object" || properties === null) return found;
  for (const [name, member] of Object.entries(properties)) {
    const type: unknown = typeof member === "object" && member !== null ? member.type : undefined;
    const kind =
      type === "integer" || type === "number" ? "number" : type === "boolean" ? type : null;
    if (kind !== null) found.set(isHeader ? name.toLowerCase() : name, kind);
  }
  return found;
}
