/**
 * Bounds on what a stored chain may say. Defaults apply where the chain says nothing; `max*` are hard
 * caps that no chain can exceed. Times in milliseconds, sizes in bytes.
 */
export const CHAIN_LIMITS = {
  maxSteps: 64,
  maxSubDepth: 8,
  defaultEachItems: 100,
  maxEachItems: 1000,
  defaultEachConcurrency: 16,
  maxEachConcurrency: 64,
  maxBranches: 32,
  maxRetryAttempts: 10,
  defaultTimeoutMs: 6000,
  defaultDeadlineMs: 30_000,
  /** Of `deadline`, `timeout` and every other duration on a request's path. */
  maxDurationMs: 600_000,
  /** Of cache lifetimes, in seconds. */
  maxCacheSeconds: 86_400 * 30,
  requestBytes: 1024 * 1024,
  responseBytes: 4 * 1024 * 1024,
  mergedBytes: 8 * 1024 * 1024,
  /** Of any size a chain sets for itself. */
  maxBytes: 256 * 1024 * 1024,
  jsonDepth: 64,
  maxJsonDepth: 256,
  /** Of one stored value: how deep operators and literals nest, and how many nodes there are. */
  maxValueDepth: 64,
  maxValueNodes: 10_000,
  maxNameLength: 64,
  maxPathLength: 4096,
  maxHeaders: 64,
  maxPatternLength: 1024,
} as const;

/** Names no step may have: they mean something in a reference, or are no plain names in JavaScript. */
export const RESERVED_STEP_NAMES: ReadonlySet<string> = new Set([
  "input",
  "item",
  "index",
  "then",
  "constructor",
  "prototype",
  "__proto__",
  "toJSON",
  "toString",
  "valueOf",
  "hasOwnProperty",
]);

/** What a step's name looks like; `node`, `getUser2`. */
export const STEP_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** What may follow `input` in a reference. */
export const INPUT_PARTS = [
  "body",
  "query",
  "params",
  "headers",
  "cookies",
  "method",
  "path",
  "ip",
  "id",
] as const;

/** RFC 9110 §9.2.1, and QUERY (draft-ietf-httpbis-safe-method-w-body). */
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "QUERY"]);

/** Whether a method only reads, so that calls of it may overlap. */
export function isSafeMethod(method: string): boolean {
  return SAFE_METHODS.has(method);
}
