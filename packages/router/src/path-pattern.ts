/** How a router reads `:` in patterns; named as in APISIX's `apisix.router.http`. */
export type RouterMode = "radixtree_host_uri" | "radixtree_uri" | "radixtree_uri_with_parameter";

/** A path pattern, taken apart once. */
export interface PathPattern {
  readonly text: string;
  readonly isExact: boolean;
  /** The whole path of an exact pattern, else what precedes the first wildcard. */
  readonly literal: string;
  /** Segments to compare when the literal prefix alone does not decide; else `null`. */
  readonly segments: readonly Segment[] | null;
  /** Whether the pattern has named or unnamed captures. */
  readonly hasCaptures: boolean;
}

export type Segment =
  | { readonly kind: "literal"; readonly text: string }
  /** `:name`, one segment that is not empty. */
  | { readonly kind: "one"; readonly name: string }
  /** `*name`, any text, slashes included; `:ext` is the name of a bare `*`. */
  | { readonly kind: "many"; readonly name: string };

export type Captures = Readonly<Record<string, string>>;

/**
 * Takes a pattern apart (lua-resty-radixtree: the literal is cut at the first `:` in parameter mode,
 * else at the first `*`). A segment that starts with `:` or `*` is compared; `*` elsewhere only ends
 * the literal prefix, and what follows it is ignored unless another segment is compared.
 *
 * Literal segments are compared as text. APISIX puts them into a regular expression unescaped, so
 * that there `.` after a wildcard matches any character and `/a+b/*` matches nothing.
 */
export function parsePattern(text: string, mode: RouterMode): PathPattern {
  const colon = mode === "radixtree_uri_with_parameter" ? text.indexOf(":") : -1;
  const cut = colon >= 0 ? colon : text.indexOf("*");
  if (cut < 0) return { text, isExact: true, literal: text, segments: null, hasCaptures: false };
  const segments = text.split("/").map(toSegment);
  const hasCaptures = segments.some((segment) => segment.kind !== "literal");
  return {
    text,
    isExact: false,
    literal: text.slice(0, cut),
    segments: hasCaptures && !isBareTail(segments, text, cut) ? segments : null,
    hasCaptures,
  };
}

/** `/foo/*`: the literal prefix decides, the rest is free. */
function isBareTail(segments: readonly Segment[], text: string, cut: number): boolean {
  const compared = segments.filter((segment) => segment.kind !== "literal");
  const last = segments.at(-1);
  if (compared.length !== 1 || last?.kind !== "many") return false;
  return text.lastIndexOf("/") + 1 === cut;
}

function toSegment(text: string): Segment {
  if (text.startsWith(":")) return { kind: "one", name: text.slice(1) };
  if (text.startsWith("*")) return { kind: "many", name: text.slice(1) || ":ext" };
  return { kind: "literal", text };
}

/** Whether a path that starts with the pattern's literal fits all of it. */
export function fitsPattern(pattern: PathPattern, path: string): boolean {
  const { segments } = pattern;
  return segments === null || compare(segments, 0, path, 0, null, null);
}

/**
 * Reads the captures of a path that fits the pattern.
 *
 * @returns name to text, `:ext` for a bare `*`; `null` when the pattern captures nothing.
 */
export function capture(pattern: PathPattern, path: string): Captures | null {
  if (!pattern.hasCaptures) return null;
  const segments = pattern.text.split("/").map(toSegment);
  const found: [string, string][] = [];
  return compare(segments, 0, path, 0, found, null) ? Object.fromEntries(found) : null;
}

/**
 * Compares segments from `index` on with the path from `at` on. A `*` takes as much as it can.
 *
 * @param failed places already tried in vain; with it the time stays linear in segments times
 *   slashes, however many `*` a pattern has.
 */
function compare(
  segments: readonly Segment[],
  index: number,
  path: string,
  at: number,
  captures: [string, string][] | null,
  failed: Set<number> | null,
): boolean {
  for (let i = index; i < segments.length; i++) {
    const segment = segments[i] as Segment; // i is below the length
    if (i > 0) {
      if (path.charCodeAt(at) !== 0x2f) return false;
      at++;
    }
    if (segment.kind === "many") {
      return compareMany(segments, i, path, at, captures, failed ?? new Set());
    }
    const end = endOfSegment(path, at);
    if (segment.kind === "literal") {
      if (end - at !== segment.text.length || !path.startsWith(segment.text, at)) return false;
    } else {
      if (end === at) return false;
      captures?.push([segment.name, path.slice(at, end)]);
    }
    at = end;
  }
  return at === path.length;
}

function compareMany(
  segments: readonly Segment[],
  index: number,
  path: string,
  at: number,
  captures: [string, string][] | null,
  failed: Set<number>,
): boolean {
  const { name } = segments[index] as { readonly name: string }; // the caller's segment is a "many"
  const kept = captures?.length ?? 0;
  let end = path.length;
  for (;;) {
    const state = end * segments.length + index;
    if (!failed.has(state)) {
      captures?.push([name, path.slice(at, end)]);
      const fits =
        index === segments.length - 1
          ? end === path.length
          : compare(segments, index + 1, path, end, captures, failed);
      if (fits) return true;
      failed.add(state);
      if (captures !== null) captures.length = kept;
    }
    // What follows a `*` starts with a slash, so only slashes are worth trying.
    end = end > at ? path.lastIndexOf("/", end - 1) : -1;
    if (end < at) return false;
  }
}

function endOfSegment(path: string, at: number): number {
  const end = path.indexOf("/", at);
  return end < 0 ? path.length : end;
}
