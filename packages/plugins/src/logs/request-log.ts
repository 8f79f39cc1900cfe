import { brotliDecompressSync, gunzipSync } from "node:zlib";
import type { Checked, Issue } from "@catena/errors";
import { compileExpression, type Predicate } from "@catena/expr";
import type {
  GatewayReply,
  PluginHandlers,
  PluginServices,
  RequestContext,
} from "@catena/pipeline";
import { isJsonObject, type JsonObject } from "@catena/schema";
import { readHeader } from "../replies/reply-headers.ts";
import { CapturedBytes, watchStream } from "./captured-bytes.ts";
import {
  compileFormat,
  formattedEntry,
  fullEntry,
  type LogEntry,
  type LogFormat,
} from "./log-entry.ts";
import type { LogFacts } from "./log-facts.ts";
import { logVariables, withFacts } from "./log-variables.ts";
import { maskedBody } from "./masks.ts";
import { ReplyWatch } from "./reply-watch.ts";

/** What {@link entrySchema} gives. */
export interface EntryConf {
  readonly log_format?: JsonObject;
  readonly log_format_extra?: JsonObject;
  readonly include_req_body?: boolean;
  readonly include_req_body_expr?: readonly (readonly unknown[])[];
  readonly include_resp_body?: boolean;
  readonly include_resp_body_expr?: readonly (readonly unknown[])[];
  readonly max_req_body_bytes?: number;
  readonly max_resp_body_bytes?: number;
}

interface EntryPlan {
  /** `null`: everything. */
  readonly format: LogFormat | null;
  readonly extra: LogFormat | null;
  /** When entries have the body of the request, or of the reply; `null` for never. */
  readonly wantsRequestBody: Predicate | null;
  readonly wantsReplyBody: Predicate | null;
  readonly formatsBody: boolean;
  readonly requestBytes: number;
  readonly replyBytes: number;
}

/** Checks what the schema can't say of {@link EntryConf}. */
export function checkEntryConf(conf: EntryConf): readonly Issue[] {
  return compilePlan(conf, null).issues;
}

/**
 * Makes the handlers that give an entry for every request, once its reply was sent or given up.
 *
 * @param metadata of the plugin; its formats count where the configuration has none. What of them can't
 *   be had is left out.
 * @param matches entries are made only of requests of which it holds at the end.
 */
export function logHandlers(
  conf: EntryConf,
  {
    metadata,
    services,
  }: { readonly metadata: JsonObject | null; readonly services: PluginServices },
  emit: (entry: LogEntry) => void,
  matches: Predicate = () => true,
): Checked<PluginHandlers> {
  const { value: plan, issues } = compilePlan(conf, metadata);
  if (plan === undefined) return { issues };
  const log = new RequestLog(plan, emit, matches, services);
  return {
    value: {
      access: (ctx) => {
        ctx.decideSending().tries ??= [];
      },
      ...(plan.wantsRequestBody === null && !plan.formatsBody
        ? {}
        : { beforeProxy: (ctx) => log.keepRequestBody(ctx) }),
      bodyFilter: (ctx, reply) => log.follow(ctx, reply),
      log: (ctx, reply) => log.end(ctx, reply),
    },
    issues: [],
  };
}

const defaultBytes = 524_288;

function compilePlan(conf: EntryConf, metadata: JsonObject | null): Checked<EntryPlan> {
  const issues: Issue[] = [];
  let formatsBody = false;
  const onBody = (): void => {
    formatsBody = true;
  };
  const format = (name: "log_format" | "log_format_extra"): LogFormat | null => {
    const own = conf[name];
    const given = own ?? metadata?.[name];
    if (!isJsonObject(given) || (own === undefined && Object.keys(given).length === 0)) return null;
    const compiled = compileFormat(given, `/${name}`, onBody);
    if (own !== undefined) issues.push(...compiled.issues);
    return compiled.value ?? null;
  };
  const when = (isWanted: boolean | undefined, expression: unknown, name: string) => {
    const compiled =
      expression === undefined ? null : compileExpression(expression, logVariables(onBody));
    for (const issue of compiled?.issues ?? []) {
      const message = `failed to validate the '${name}' expression: ${issue.message}`;
      issues.push({ ...issue, path: `/${name}${issue.path}`, message });
    }
    return isWanted === true ? (compiled?.value ?? (() => true)) : null;
  };
  const value: EntryPlan = {
    format: format("log_format"),
    extra: format("log_format_extra"),
    wantsRequestBody: when(
      conf.include_req_body,
      conf.include_req_body_expr,
      "include_req_body_expr",
    ),
    wantsReplyBody: when(
      conf.include_resp_body,
      conf.include_resp_body_expr,
      "include_resp_body_expr",
    ),
    formatsBody,
    requestBytes: conf.max_req_body_bytes ?? defaultBytes,
    replyBytes: conf.max_resp_body_bytes ?? defaultBytes,
  };
  return issues.length > 0 ? { issues } : { value: { ...value, formatsBody }, issues };
}

class RequestLog {
  readonly #plan: EntryPlan;
  readonly #emit: (entry: LogEntry) => void;
  readonly #matches: Predicate;
  readonly #services: PluginServices;
  readonly #requestBodies = new WeakMap<RequestContext, CapturedBytes>();
  readonly #watch = new ReplyWatch();

  constructor(
    plan: EntryPlan,
    emit: (entry: LogEntry) => void,
    matches: Predicate,
    services: PluginServices,
  ) {
    this.#plan = plan;
    this.#emit = emit;
    this.#matches = matches;
    this.#services = services;
  }

  /** Shows the body to the log on its way to the upstream: a long one is never held back for it. */
  keepRequestBody(ctx: RequestContext): undefined | Promise<undefined> {
    const { wantsRequestBody, formatsBody, requestBytes } = this.#plan;
    if (!formatsBody && wantsRequestBody?.(ctx) !== true) return undefined;
    const captured = new CapturedBytes(requestBytes);
    this.#requestBodies.set(ctx, captured);
    const { upstreamBody } = ctx;
    if (upstreamBody instanceof ReadableStream) {
      ctx.upstreamBody = watchStream(upstreamBody, (chunk) => captured.take(chunk));
    } else if (upstreamBody !== undefined) {
      if (upstreamBody !== null) captured.take(Buffer.from(upstreamBody));
    } else if (ctx.hasBody) {
      const declared = ctx.header("content-length");
      if (ctx.bodyRead || (declared !== null && Number(declared) <= requestBytes)) {
        return ctx.bodyBytes(Number.POSITIVE_INFINITY).then((bytes) => {
          captured.take(bytes);
          return undefined;
        });
      }
      const { body } = ctx.request;
      if (body !== null) ctx.upstreamBody = watchStream(body, (chunk) => captured.take(chunk));
    }
    return undefined;
  }

  follow(ctx: RequestContext, reply: GatewayReply): void {
    const isWanted = this.#plan.wantsReplyBody?.(ctx) === true;
    this.#watch.follow(ctx, reply, isWanted ? this.#plan.replyBytes : 0);
  }

  end(ctx: RequestContext, reply: GatewayReply): void {
    this.#watch.end(ctx, reply, (body) => this.#write(ctx, reply, body));
  }

  #write(ctx: RequestContext, reply: GatewayReply, body: CapturedBytes | null): void {
    try {
      const facts = this.#factsOf(ctx, reply, body);
      if (withFacts(facts, () => this.#matches(ctx))) this.#emit(this.#entry(facts));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#services.log.error("a log entry can't be made", {
        owner: this.#services.owner,
        reason,
      });
    }
  }

  #factsOf(ctx: RequestContext, reply: GatewayReply, body: CapturedBytes | null): LogFacts {
    const wantsReply = this.#plan.wantsReplyBody?.(ctx) === true && body !== null;
    return {
      ctx,
      reply,
      bodyBytes: body?.total ?? 0,
      latencyMs: performance.now() - ctx.startedAt,
      requestBody: loggedBody(ctx, this.#requestBodies.get(ctx)),
      replyBody: wantsReply ? toText(decoded(body.bytes(), reply)) : null,
    };
  }

  #entry(facts: LogFacts): LogEntry {
    const { format, extra, wantsRequestBody } = this.#plan;
    if (format !== null) return formattedEntry(format, facts);
    const wantsBody = wantsRequestBody?.(facts.ctx) === true;
    const entry = fullEntry(wantsBody ? facts : { ...facts, requestBody: null });
    if (extra === null) return entry;
    const added = formattedEntry(extra, facts);
    for (const name of extra.keys()) if (!Object.hasOwn(entry, name)) entry[name] = added[name];
    return entry;
  }
}

/** The request's body as entries may show it; `null` when it is not to be shown. */
function loggedBody(ctx: RequestContext, captured: CapturedBytes | undefined): string | null {
  if (captured === undefined) return null;
  const text = toText(captured.bytes());
  const shown = maskedBody(ctx, text, captured.isWhole);
  // For variables of the body in formats.
  ctx.knownBody = shown;
  return shown;
}

const decoder = new TextDecoder();

function toText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Longest body after decompression: a small one may be made to become huge. */
const maxDecodedBytes = 4 * 1024 * 1024;

/** The body without its compression, or as it is where that fails, since a part of it is no whole. */
function decoded(bytes: Uint8Array, reply: GatewayReply): Uint8Array {
  const encoding = readHeader(reply.headers, "content-encoding");
  const options = { maxOutputLength: maxDecodedBytes };
  try {
    if (encoding === "gzip") return gunzipSync(bytes, options);
    if (encoding === "br") return brotliDecompressSync(bytes, options);
  } catch {
    return bytes;
  }
  return bytes;
}
