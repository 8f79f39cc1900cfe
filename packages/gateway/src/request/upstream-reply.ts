import { wordLines } from "@catena/http";
import type { GatewayReply } from "@catena/pipeline";
import {
  type BodyPieces,
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
  /** Put behind the upstream's headers when they are listed. */
  #added: readonly string[] | null = null;
  /** `undefined`: nobody has asked for it. */
  #body: CallBody | undefined = undefined;

  constructor(reply: UpstreamReply) {
    this.status = reply.status;
    this.#reply = reply;
  }

  get headers(): string[] {
    if (this.#headers === null) {
      this.#headers = responseHeaders(this.#reply.headers);
      if (this.#added !== null) this.#headers.push(...this.#added);
    }
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

  addHeaders(list: readonly string[]): void {
    if (this.#headers !== null) this.#headers.push(...list);
    else this.#added = this.#added === null ? list : [...this.#added, ...list];
  }

  untouchedLines(): ReturnedLines | null {
    if (this.#headers !== null || this.#body !== undefined) return null;
    const lines = this.#reply.returnedLines?.() ?? null;
    const added = this.#added;
    if (lines === null || added === null) return lines;
    const more = wordLines(added);
    if (more === null) return null;
    const { text, isDated, declared } = lines;
    return { text: text + more, isDated, declared };
  }

  untouchedPieces(): BodyPieces | null {
    return this.#body === undefined ? (this.#reply.pieces?.() ?? null) : null;
  }

  untouchedText(): string | null {
    return this.#body === undefined ? (this.#reply.asciiText?.() ?? null) : null;
  }
}
