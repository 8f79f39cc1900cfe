/**
 * The header lines of a message as they came, so that they can be passed on without being taken apart
 * and put together again. Only of a head without fault, in ASCII, and without a name that is repeated.
 */
export interface HeaderLines {
  /** The head, and possibly more behind it. */
  readonly text: string;
  /** Where each line begins in `text`; the last is where the lines end. */
  readonly starts: readonly number[];
  /** Flat list `[name, value, …]` of the same lines, names in lower case. */
  readonly headers: readonly string[];
}
