/** How the clients of a {@link Load} came off. */
export interface LoadCount {
  /** Whole replies with status 200. */
  readonly answered: number;
  /** What the others met: `a connection that ended`, `503`. */
  readonly failures: readonly string[];
}

/** Clients that send one request after another until they are stopped. */
export interface Load {
  readonly clients: number;
  count(): LoadCount;
  /** Lets every client end its request. */
  stop(): Promise<LoadCount>;
}

/**
 * Starts clients on raw connections, as an HTTP library would hide a lost one by asking again. Some
 * open a connection per request, some keep theirs for as long as the server does not ask to close it.
 */
export function startLoad(url: string, short = 8, kept = 4): Load {
  const target = new URL(url);
  const state = { answered: 0, failures: [] as string[], isStopped: false };
  const client = async (keep: boolean): Promise<void> => {
    let connection: Connection | null = null;
    while (!state.isStopped) {
      try {
        connection ??= await Connection.open(target);
        const { status, isLast } = await connection.ask(target, keep);
        if (status === "200") state.answered++;
        else state.failures.push(status);
        if (!isLast && keep) continue;
      } catch (error) {
        state.failures.push(error instanceof Error ? error.message : String(error));
      }
      connection?.close();
      connection = null;
    }
    connection?.close();
  };
  const clients = [...Array.from({ length: short + kept }, (_, index) => client(index >= short))];
  const count = (): LoadCount => ({ answered: state.answered, failures: [...state.failures] });
  return {
    clients: clients.length,
    count,
    stop: async () => {
      state.isStopped = true;
      await Promise.all(clients);
      return count();
    },
  };
}

interface Answer {
  readonly status: string;
  /** Whether the server closes the connection. */
  readonly isLast: boolean;
}

class Connection {
  #socket: Bun.Socket | null = null;
  #received = "";
  #waiting: PromiseWithResolvers<Answer> | null = null;

  static async open({ hostname, port }: URL): Promise<Connection> {
    const connection = new Connection();
    connection.#socket = await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        data: (_socket, data) => connection.#take(data.toString("latin1")),
        close: () => connection.#lost(),
        error: () => connection.#lost(),
      },
    });
    return connection;
  }

  ask({ pathname, host }: URL, keep: boolean): Promise<Answer> {
    this.#received = "";
    const waiting = Promise.withResolvers<Answer>();
    this.#waiting = waiting;
    const connection = keep ? "" : "Connection: close\r\n";
    this.#socket?.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n${connection}\r\n`);
    return waiting.promise;
  }

  close(): void {
    this.#waiting = null;
    this.#socket?.end();
  }

  #take(text: string): void {
    this.#received += text;
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const head = this.#received.slice(0, headEnd);
    const length = Number(/^content-length: *(\d+)$/im.exec(head)?.[1]);
    if (!(this.#received.length >= headEnd + 4 + length)) return;
    this.#waiting?.resolve({
      status: head.split(" ")[1] ?? "",
      isLast: /^connection: *close$/im.test(head),
    });
    this.#waiting = null;
  }

  #lost(): void {
    this.#waiting?.reject(new Error("a connection that ended"));
    this.#waiting = null;
  }
}
