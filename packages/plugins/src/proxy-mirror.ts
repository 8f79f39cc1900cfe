import type { PluginServices, RequestContext } from "@catena/pipeline";
import { literals } from "@catena/schema";
import { requestHeaders } from "@catena/upstream";
import { type Static, Type } from "@sinclair/typebox";
import { openService, type Service, type ServiceRequest } from "./calls/service-call.ts";
import { definePlugin } from "./define-plugin.ts";
import { firstOnly } from "./first-only.ts";
import { CapturedBytes, watchStream } from "./logs/captured-bytes.ts";

const schema = Type.Object({
  host: Type.String({
    pattern: "^(http(s)?|grpc(s)?):\\/\\/([\\da-zA-Z.-]+|\\[[\\da-fA-F:]+\\])(:\\d+)?$",
    description: "where copies of requests are sent, http or https",
  }),
  path: Type.Optional(
    Type.String({ pattern: "^/[^?&]+$", description: "path of copies; the request's without it" }),
  ),
  path_concat_mode: Type.Optional(
    literals(["replace", "prefix"], {
      default: "replace",
      description: "whether path takes the place of the request's or stands before it",
    }),
  ),
  sample_ratio: Type.Optional(
    Type.Number({
      minimum: 0.00001,
      maximum: 1,
      default: 1,
      description: "share of the requests that is copied",
    }),
  ),
});

type Conf = Static<typeof schema>;

/**
 * proxy-mirror: sends a copy of requests elsewhere and forgets the replies
 * (apisix/plugins/proxy-mirror.lua). The path is the one before proxy-rewrite. A body over 1 MiB is not
 * copied, nor the request with it.
 */
export const proxyMirror = definePlugin({
  name: "proxy-mirror",
  priority: 1010,
  schema,
  check: ({ host }) =>
    host.startsWith("grpc")
      ? [{ path: "/host", code: "MIRROR_SCHEME", message: "copies over gRPC are not served" }]
      : [],
  create: (conf, services) => {
    const mirror = new Mirror(conf, services);
    return {
      value: {
        rewrite: (ctx) => mirror.choose(ctx),
        beforeProxy: (ctx) => mirror.copy(ctx),
        dispose: () => mirror.close(),
      },
      issues: [],
    };
  },
});

/** nginx's defaults; longer waits would only keep memory. */
const timeoutMs = 60_000;

/** Longest body of a request that is copied, and of a reply that is thrown away, in bytes. */
const maxBytes = 1024 * 1024;

/** Most copies of one route on their way; further requests are not copied. */
const maxUnderWay = 1000;

class Mirror {
  readonly #conf: Conf;
  readonly #service: Service | null;
  readonly #log: PluginServices["log"];
  readonly #owner: string;
  readonly #targets = new WeakMap<RequestContext, string>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(conf: Conf, services: PluginServices) {
    this.#conf = conf;
    this.#log = firstOnly(services.log);
    this.#owner = services.owner;
    const options = { timeoutMs, verify: false, maxReplyBytes: maxBytes };
    this.#service = openService(services, conf.host, options);
  }

  /** Decides, and notes the target as it is at this moment. */
  choose(ctx: RequestContext): void {
    const { sample_ratio = 1, path, path_concat_mode } = this.#conf;
    if (sample_ratio < 1 && Math.random() >= sample_ratio) return;
    const target = ctx.upstreamTarget;
    const mark = target.indexOf("?");
    const query = mark < 0 ? "" : target.slice(mark);
    const own =
      path === undefined ? target : path + (path_concat_mode === "prefix" ? target : query);
    this.#targets.set(ctx, own);
  }

  /** Sends the copy at once, or when a body that streams has passed. */
  copy(ctx: RequestContext): undefined | Promise<undefined> {
    const target = this.#targets.get(ctx);
    if (target === undefined) return undefined;
    const body = ctx.upstreamBody;
    if (body === undefined && ctx.hasBody) return this.#copyWithBody(ctx, target);
    if (body instanceof ReadableStream) ctx.upstreamBody = this.#follow(ctx, target, body);
    else this.#send({ ...headOf(ctx, target), body: body ?? null });
    return undefined;
  }

  /** Waits for the copies that are under way. */
  async close(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  #copyWithBody(ctx: RequestContext, target: string): undefined | Promise<undefined> {
    const declared = ctx.header("content-length");
    if (ctx.bodyRead || (declared !== null && Number(declared) <= maxBytes)) {
      return ctx.bodyBytes(Number.POSITIVE_INFINITY).then((bytes) => {
        if (bytes.byteLength <= maxBytes) this.#send({ ...headOf(ctx, target), body: bytes });
        return undefined;
      });
    }
    const { body } = ctx.request;
    if (declared === null && body !== null) ctx.upstreamBody = this.#follow(ctx, target, body);
    return undefined;
  }

  #follow(
    ctx: RequestContext,
    target: string,
    body: ReadableStream<Uint8Array>,
  ): ReadableStream<Uint8Array> {
    const captured = new CapturedBytes(maxBytes);
    // Taken now: what logs are not to see is changed before the end of a slow body.
    const head = headOf(ctx, target);
    return watchStream(
      body,
      (chunk) => captured.take(chunk),
      (isWhole) => {
        if (isWhole && captured.total <= maxBytes) this.#send({ ...head, body: captured.bytes() });
      },
    );
  }

  #send(request: ServiceRequest): void {
    if (this.#service === null || this.#underWay.size >= maxUnderWay) {
      this.#log.warn("requests are not copied: too many copies are under way", {
        plugin: "proxy-mirror",
        owner: this.#owner,
      });
      return;
    }
    const copy = this.#service.send(request).then(
      () => undefined,
      (error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        this.#log.warn("a copy of a request failed", { plugin: "proxy-mirror", reason });
      },
    );
    this.#underWay.add(copy);
    void copy.then(() => this.#underWay.delete(copy));
  }
}

/** A request as an upstream would get it, to the path that its copy has. */
function headOf(ctx: RequestContext, path: string): Omit<ServiceRequest, "body"> {
  const { clientAddress, scheme, rawHost, serverPort } = ctx;
  const about = { clientAddress, scheme, rawHost, serverPort };
  // The first pair is Host.
  const headers = requestHeaders(ctx.clientHeaders(), about).slice(2);
  return {
    method: ctx.upstreamMethod,
    path,
    headers: ctx.headerEdits === null ? headers : ctx.headerEdits.apply(headers),
    host: ctx.upstreamHost ?? rawHost,
  };
}
