import { createServer, type Server, type Socket } from "node:net";
import { findFreePort } from "../contestants/child.ts";

/** A service that fails in one way, always. */
export interface FailingService {
  readonly name: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** What each does with a connection once a request came. */
const faults: Readonly<Record<string, (socket: Socket) => void>> = {
  resets: (socket) => socket.resetAndDestroy(),
  closes: (socket) => socket.end(),
  "cuts a reply short": (socket) =>
    socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly so much"),
  "answers nonsense": (socket) => socket.end("220 smtp.example ready\r\n\r\n"),
  "never answers": () => undefined,
};

/** Starts one service per fault, and one that nobody listens at. */
export async function startFailingServices(): Promise<readonly FailingService[]> {
  const started = await Promise.all(
    Object.entries(faults).map(([name, fail]) => startOne(name, fail)),
  );
  const refusing = {
    name: "is not there",
    port: await findFreePort(),
    stop: () => Promise.resolve(),
  };
  return [...started, refusing];
}

async function startOne(name: string, fail: (socket: Socket) => void): Promise<FailingService> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    // The other side leaves too; that is what is tested there, not here.
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", () => fail(socket));
  });
  const port = await listen(server);
  return {
    name,
    port,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listen(server: Server): Promise<number> {
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
