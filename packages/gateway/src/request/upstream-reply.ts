import type { GatewayReply } from "@catena/pipeline";
import {
  type CallBody,
  type ReturnedLines,
  responseHeaders,
  type UpstreamReply,
} from "@catena/upstream";

/**
 * An upstream's reply on its way to the client. Most are passed on as they came: the list of headers and
 * the bytes of the body are made when a plugin asks for them.
 */
export class UpstreamGatewayReply implements GatewayReply {
  status: number;
  readonly source = "upstream";
  readonly #reply: UpstreamReply;
  #headers: string[] | null = null;
  /** `undefined`: nobody has asked for it. */
  #body: CallBody | undefined = undefined;

  constructor(reply: UpstreamReply) {
    this.status = reply.status;
    this.#reply = reply;
  }

  get headers(): string[] {
    this.#headers ??= responseHeaders(this.#reply.headers);
    return this.#headers;
  }

  set headers(headers: string[]) {
    this.#headers = headers;
  }

  get body(): CallBody {
    if (this.#body === undefined) this.#body = this.#reply.body;
    return this.#body;
  }

  set body(body: CallBody) {
    this.#body = body;
  }

  /** Bound to the reply, of which few have them. */
  get trailers(): (() => readonly string[]) | undefined {
    const reply = this.#reply;
    return reply.trailers === undefined ? undefined : () => reply.trailers?.() ?? [];
  }

  untouchedLines(): ReturnedLines | null {
    return this.#headers === null && this.#body === undefined
      ? (this.#reply.returnedLines?.() ?? null)
      : null;
  }

  untouchedText(): string | null {
    return this.#body === undefined ? (this.#reply.asciiText?.() ?? null) : null;
  }
}
