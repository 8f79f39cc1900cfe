/** Finds where one HTTP/1.1 response ends (RFC 9112 §6.3), keeping the status and nothing else. */
export class ResponseReader {
  #state: State = "head";
  #head = "";
  #remaining = 0;
  #line = "";
  #status = 0;
  #keepAlive = true;

  get status(): number {
    return this.#status;
  }

  /** Whether the connection may carry another request after this response. */
  get keepAlive(): boolean {
    return this.#keepAlive;
  }

  /** Whether the response is over only when the peer closes. */
  get endsWithConnection(): boolean {
    return this.#state === "until-close";
  }

  reset(): void {
    this.#state = "head";
    this.#head = "";
    this.#line = "";
    this.#keepAlive = true;
  }

  /**
   * Takes the next bytes of the connection.
   *
   * @returns whether the response is complete.
   * @throws Error for bytes that are no HTTP response, or bytes after its end: nothing was pipelined.
   */
  push(bytes: Uint8Array): boolean {
    let offset = 0;
    while (offset < bytes.length && this.#state !== "done") offset = this.#step(bytes, offset);
    if (offset < bytes.length) throw new Error("bytes after the end of the response");
    return this.#state === "done";
  }

  #step(bytes: Uint8Array, offset: number): number {
    switch (this.#state) {
      case "head":
        return this.#readHead(bytes, offset);
      case "body":
        return this.#skipBody(bytes, offset, "done");
      case "chunk":
        return this.#skipBody(bytes, offset, "chunk-end");
      case "until-close":
        return bytes.length;
      default:
        return this.#readLine(bytes, offset);
    }
  }

  #readHead(bytes: Uint8Array, offset: number): number {
    const before = this.#head.length;
    this.#head += Buffer.from(
      bytes.buffer,
      bytes.byteOffset + offset,
      bytes.length - offset,
    ).toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if (end < 0) {
      if (this.#head.length > 65_536) throw new Error("response head larger than 64 KiB");
      return bytes.length;
    }
    this.#takeHead(this.#head.slice(0, end));
    return offset + (end + 4 - before);
  }

  #takeHead(head: string): void {
    const start = /^HTTP\/1\.[01] (\d{3})/.exec(head);
    if (start === null) throw new Error("not an HTTP/1 response");
    this.#status = Number(start[1]);
    this.#keepAlive = !/^connection:[^\r\n]*\bclose\b/im.test(head);
    const length = /^content-length:[ \t]*(\d+)/im.exec(head);
    if (this.#status === 204 || this.#status === 304) this.#state = "done";
    else if (/^transfer-encoding:[^\r\n]*\bchunked\b/im.test(head)) this.#state = "size";
    else if (length !== null) this.#expectBody(Number(length[1]));
    else this.#state = "until-close";
  }

  #expectBody(length: number): void {
    this.#remaining = length;
    this.#state = length === 0 ? "done" : "body";
  }

  #skipBody(bytes: Uint8Array, offset: number, next: State): number {
    const taken = Math.min(this.#remaining, bytes.length - offset);
    this.#remaining -= taken;
    if (this.#remaining === 0) this.#state = next;
    return offset + taken;
  }

  /** A chunk's size line, the CRLF behind a chunk, or a trailer line. */
  #readLine(bytes: Uint8Array, offset: number): number {
    const end = bytes.indexOf(10, offset);
    const stop = end < 0 ? bytes.length : end;
    this.#line += Buffer.from(bytes.buffer, bytes.byteOffset + offset, stop - offset).toString(
      "latin1",
    );
    if (end < 0) return stop;
    const line = this.#line.replace(/\r$/, "");
    this.#line = "";
    if (this.#state === "size") this.#takeSize(line);
    else if (this.#state === "chunk-end") this.#state = "size";
    else if (line === "") this.#state = "done";
    return end + 1;
  }

  #takeSize(line: string): void {
    const match = /^[0-9a-fA-F]+/.exec(line);
    if (match === null) throw new Error("bad chunk size");
    this.#remaining = Number.parseInt(match[0], 16);
    this.#state = this.#remaining === 0 ? "trailer" : "chunk";
  }
}

type State = "head" | "body" | "size" | "chunk" | "chunk-end" | "trailer" | "until-close" | "done";
