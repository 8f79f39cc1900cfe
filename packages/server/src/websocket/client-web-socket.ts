/**
 * The client's end of a WebSocket, as whoever relays it needs it: ours, or the runtime's where that is
 * the server. It is dead once `close` of the handlers was called, which {@link close} and
 * {@link terminate} do before they return.
 */
export interface ClientWebSocket<Data> {
  /** What the request was upgraded with. */
  readonly data: Data;
  /** @returns -1 when some of it waits here, 0 when the WebSocket is closed. */
  sendText(text: string): number;
  /** As {@link sendText}. */
  sendBinary(bytes: Uint8Array<ArrayBuffer>): number;
  ping(payload: Uint8Array<ArrayBuffer>): number;
  pong(payload: Uint8Array<ArrayBuffer>): number;
  /**
   * Sends a Close frame; one without a code for 1005.
   *
   * @param reason is cut to what a Close frame can hold.
   */
  close(code: number, reason: string): void;
  /** Ends the connection without a Close frame. */
  terminate(): void;
  /** Stops reading: the client is made to wait. */
  pause(): void;
  resume(): void;
  /** Bytes that were sent and the network has not taken. */
  getBufferedAmount(): number;
}

/** What happens at the clients' ends; shared by all of a listener. Not called any more after `close`. */
export interface WebSocketHandlers<Data> {
  /** Longest message of a client. */
  readonly maxPayloadLength: number;
  open(client: ClientWebSocket<Data>): void;
  /** A whole message: a text as a string, else bytes that are the handler's own. */
  message(client: ClientWebSocket<Data>, message: string | Buffer): void;
  /** It was answered already. */
  ping(client: ClientWebSocket<Data>, payload: Buffer): void;
  pong(client: ClientWebSocket<Data>, payload: Buffer): void;
  /** The network took something of what had waited. */
  drain(client: ClientWebSocket<Data>): void;
  /**
   * The WebSocket is closed, by whichever side.
   *
   * @param code of the Close frame; 1005 when it had none, 1006 when there was none, or a fault in what
   *   the client sent.
   */
  close(client: ClientWebSocket<Data>, code: number, reason: string): void;
  /** Another handler threw. */
  error(error: Error, client: ClientWebSocket<Data>): void;
}
