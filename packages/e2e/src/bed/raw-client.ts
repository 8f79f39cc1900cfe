import { connect, type Socket } from "node:net";
import { until } from "./gateway-bed.ts";

/** A connection whose bytes a test writes and reads itself. */
export interface RawClient {
  /** Everything received so far, latin1. */
  readonly received: string;
  readonly isClosed: boolean;
  /** Sends bytes as they are, latin1 for text. */
  write(bytes: string | Uint8Array): void;
  /** Waits until the text was received, and gives everything received up to then. */
  receive(text: string): Promise<string>;
  /** Waits for the end of the connection, and gives everything that was received. */
  close(): Promise<string>;
  destroy(): void;
}

/** Connects to the port of a URL. */
export async function openRawClient(url: string): Promise<RawClient> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return new SocketClient(socket);
}

/** Sends a request and waits for the whole of the reply: its end is the text, or the connection's. */
export async function askRaw(url: string, bytes: string, end?: string): Promise<string> {
  const client = await openRawClient(url);
  client.write(bytes);
  const reply = await (end === undefined ? client.close() : client.receive(end));
  client.destroy();
  return reply;
}

class SocketClient implements RawClient {
  received = "";
  isClosed = false;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => {
      this.received += Buffer.from(chunk).toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.isClosed = true;
    });
  }

  write(bytes: string | Uint8Array): void {
    this.#socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  async receive(text: string): Promise<string> {
    const describe = () => `${JSON.stringify(text)} in ${JSON.stringify(this.received)}`;
    await until(() => {
      if (this.isClosed && !this.received.includes(text)) throw new Error(`closed: ${describe()}`);
      return this.received.includes(text);
    }, describe);
    return this.received;
  }

  async close(): Promise<string> {
    await until(
      () => this.isClosed,
      () => `the end after ${JSON.stringify(this.received)}`,
    );
    return this.received;
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
