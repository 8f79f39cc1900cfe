import { connect, createServer, type Socket } from "node:net";

export interface TcpProxyOptions {
  readonly targetPort: number;
  /**
   * Sees each chunk on its way from the target to a client. Returns what to pass on, and whether to
   * cut that connection after it.
   */
  readonly onReply?: (chunk: Buffer, connection: number) => ReplyVerdict;
}

export interface ReplyVerdict {
  readonly pass: Buffer;
  readonly cut: boolean;
}

/** A TCP relay on loopback whose wire can be cut, frozen and healed. */
export interface TcpProxy {
  readonly port: number;
  /** As `127.0.0.1:PORT`. */
  readonly endpoint: string;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Resets every connection; new ones are reset at once, until `heal`. */
  cut(): void;
  /** Passes no byte in either direction and closes nothing, until `heal`. */
  freeze(): void;
  /** Ends `cut` and `freeze`; what a frozen connection held back flows again. */
  heal(): void;
  stop(): Promise<void>;
}

/** Starts a relay to a port on loopback. */
export async function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let mode: "open" | "cut" | "frozen" = "open";
  let accepted = 0;

  function adopt(socket: Socket): void {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    if (mode === "frozen") socket.pause();
  }

  const server = createServer((client) => {
    if (mode === "cut") {
      client.on("error", () => client.destroy());
      client.resetAndDestroy();
      return;
    }
    const connection = accepted++;
    const target = connect(options.targetPort, "127.0.0.1");
    client.on("data", (chunk) => target.write(chunk));
    target.on("data", (data) => {
      // A socket without an encoding gives buffers; the type allows text.
      const chunk = Buffer.from(data);
      const verdict = options.onReply?.(chunk, connection) ?? { pass: chunk, cut: false };
      if (!verdict.cut) {
        client.write(verdict.pass);
        return;
      }
      target.destroy();
      client.end(verdict.pass);
    });
    client.on("close", () => target.destroy());
    target.on("close", () => client.end());
    adopt(client);
    adopt(target);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the relay has no port");

  function cutAll(): void {
    for (const socket of sockets) socket.destroy();
  }
  return {
    port: address.port,
    endpoint: `127.0.0.1:${address.port}`,
    get accepted() {
      return accepted;
    },
    cut: () => {
      mode = "cut";
      cutAll();
    },
    freeze: () => {
      mode = "frozen";
      for (const socket of sockets) socket.pause();
    },
    heal: () => {
      mode = "open";
      for (const socket of sockets) socket.resume();
    },
    stop: async () => {
      mode = "cut";
      cutAll();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
