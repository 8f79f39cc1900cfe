/** Whose fault it is: the client's, an upstream's, the configuration's, the store's or our own. */
export type ErrorSource = "downstream" | "upstream" | "config" | "store" | "internal";

/** What a table says of one code. `message` receives the parameters the thrower gives. */
export interface ErrorDefinition<P> {
  /** HTTP status a client gets when this ends a request. */
  readonly status: number;
  readonly source: ErrorSource;
  /** Whether the same attempt may succeed later; whether it is safe to repeat is the caller's call. */
  readonly retryable: boolean;
  readonly message: (params: P) => string;
}

/**
 * The one error class of the project. Recognise it by `code` with {@link isGatewayError}, never by
 * its message.
 */
export class GatewayError extends Error {
  readonly code: string;
  readonly status: number;
  readonly source: ErrorSource;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    definition: Omit<ErrorDefinition<never>, "message">,
    message: string,
    details: Readonly<Record<string, unknown>>,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "GatewayError";
    this.code = code;
    this.status = definition.status;
    this.source = definition.source;
    this.retryable = definition.retryable;
    this.details = details;
  }
}

type Params<D> = D extends ErrorDefinition<infer P> ? P : never;

/** The constructors {@link defineErrors} makes: `errors.STORE_BUSY({...}, cause)`. */
export type ErrorConstructors<T> = {
  readonly [K in keyof T]: (params: Params<T[K]>, cause?: unknown) => GatewayError;
};

/**
 * Turns a package's table of errors into typed constructors. Codes are the table's keys, written
 * `DOMAIN_WHAT`, and are never reused for something else.
 *
 * @example
 * const errors = defineErrors({
 *   STORE_BUSY: { status: 503, source: "store", retryable: true,
 *     message: (p: { file: string }) => `store ${p.file} is locked by another writer` },
 * });
 * throw errors.STORE_BUSY({ file: "catena.db" });
 */
export function defineErrors<T extends Record<string, ErrorDefinition<never>>>(
  table: T,
): ErrorConstructors<T> {
  const made: Record<string, (params: never, cause?: unknown) => GatewayError> = {};
  for (const [code, definition] of Object.entries(table)) {
    made[code] = (params, cause) =>
      new GatewayError(code, definition, definition.message(params), params, cause);
  }
  // The loop above gives every key of T a constructor that takes that key's own parameters.
  return made as ErrorConstructors<T>;
}

/** Whether `value` is a {@link GatewayError}, and of `code` when one is given. */
export function isGatewayError(value: unknown, code?: string): value is GatewayError {
  return value instanceof GatewayError && (code === undefined || value.code === code);
}
