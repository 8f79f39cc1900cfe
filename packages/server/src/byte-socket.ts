/** A connection's bytes, in clear text: a socket of the runtime, or what a TLS front decrypts. */
export interface ByteSocket {
  /**
   * @param data bytes, or text that is ASCII.
   * @returns how many bytes were taken; the rest is to be written again once it drained. Negative
   *   when the connection is gone.
   */
  write(data: string | Uint8Array): number;
  /** Sends what was taken, then closes. */
  end(): void;
  /** Closes our side only, so that what the other side still sends can be read. */
  shutdown(): void;
  /** Closes at once; what was not sent is lost. */
  terminate(): void;
  pause(): void;
  resume(): void;
  /** Bytes that were taken but are not with the system yet; absent where there are never any. */
  readonly unsent?: number;
}

/** Hears of what happens on a connection. */
export interface SocketListener {
  socketData(chunk: Buffer): void;
  /** Room to write again. */
  socketDrained(): void;
  /** Called once, whoever closed it. */
  socketClosed(): void;
}
