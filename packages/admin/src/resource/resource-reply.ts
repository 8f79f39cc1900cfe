/** What an operation on resources answers. */
export interface ResourceReply {
  readonly status: number;
  /** Sent as JSON; a text as it is. */
  readonly body: unknown;
}
