import { noHandlers, type RequestContext } from "@catena/pipeline";
import type { RoutePlan } from "../config/route-plan.ts";
import type { Settings } from "../settings/settings.ts";
import type { RouteMatcher } from "./handle-request.ts";

/**
 * Before a route is found, reads the path as the settings say (apisix/init.lua): without a slash at its
 * end, without what servlets call parameters, or with `%2F` as no slash. The upstream gets the path as
 * it came.
 *
 * @returns the matcher as it is when none of it is asked for: then no request pays for it.
 */
export function readPaths(matcher: RouteMatcher, { uri }: Settings): RouteMatcher {
  if (!uri.deleteTailSlash && !uri.normalizeLikeServlet && !uri.matchEncodedSlash) return matcher;
  return new PathMatcher(matcher, uri);
}

class PathMatcher implements RouteMatcher {
  readonly #inner: RouteMatcher;
  readonly #uri: Settings["uri"];
  /** Requests whose path was read: some are matched twice. */
  readonly #read = new WeakSet<RequestContext>();

  constructor(inner: RouteMatcher, uri: Settings["uri"]) {
    this.#inner = inner;
    this.#uri = uri;
  }

  get loaded(): boolean {
    return this.#inner.loaded;
  }

  match(ctx: RequestContext): RoutePlan | null {
    const { deleteTailSlash, normalizeLikeServlet, matchEncodedSlash } = this.#uri;
    if (!this.#read.has(ctx)) {
      this.#read.add(ctx);
      const sent = ctx.path;
      if (deleteTailSlash && sent.endsWith("/")) ctx.path = sent.slice(0, -1);
      if (normalizeLikeServlet) {
        const path = withoutParameters(sent);
        if (path === null) return badPath;
        // As in APISIX, this one undoes the other.
        ctx.path = path;
      }
    }
    const { path } = ctx;
    const kept = matchEncodedSlash ? keepEncodedSlashes(ctx) : null;
    if (kept === null) return this.#inner.match(ctx);
    ctx.path = kept;
    const plan = this.#inner.match(ctx);
    ctx.path = path;
    return plan;
  }
}

/** `null` for a path that hides a dot or an empty segment behind a parameter. */
function withoutParameters(path: string): string | null {
  if (!path.includes(";")) return path;
  const segments = path.split("/");
  for (const [index, segment] of segments.entries()) {
    const at = segment.indexOf(";");
    if (at < 0) continue;
    const name = segment.slice(0, at);
    const isHidden =
      /^(?:\.|%2e){1,2}$/i.test(name) || (name === "" && index < segments.length - 1);
    if (isHidden) return null;
    segments[index] = name;
  }
  return segments.join("/");
}

/**
 * The path with `%2F` where the client wrote it; `null` where there is none, or where anything but
 * decoding made the path what it is, so that no route is got around.
 */
function keepEncodedSlashes({ rawTarget, path }: RequestContext): string | null {
  const raw = rawTarget.split("?", 1)[0] ?? "";
  if (!/%2f/i.test(raw)) return null;
  try {
    const parts = raw.split(/%2f/i).map(decodeURIComponent);
    return parts.join("/") === path ? parts.join("%2F") : null;
  } catch {
    return null;
  }
}

const badPath: RoutePlan = {
  id: "",
  handlers: noHandlers,
  forConsumer: () => null,
  upstream: null,
  timeouts: null,
  webSocket: false,
  routeName: "",
  serviceId: "",
  serviceName: "",
  isUnmatched: false,
  unavailable: 400,
};
