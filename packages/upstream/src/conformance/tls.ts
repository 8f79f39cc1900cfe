import { expect } from "bun:test";
import { createServer } from "node:tls";
import { type RawServerOptions, startRawServer } from "@catena/testkit";
import type { OriginTls } from "../transport/transport.ts";
import type { ConformanceContext } from "../transport.conformance.ts";
import { callOf, originOf, outcomeOf } from "./call-fixture.ts";
import {
  addressServer,
  authority,
  client,
  expiredServer,
  namedServer,
} from "./test-certificates.ts";

interface TlsCase {
  readonly name: string;
  readonly server: { readonly certificate: string; readonly key: string } | null;
  readonly asksClient?: boolean;
  readonly tls: OriginTls;
  readonly outcome: string;
}

const trusted = { verify: true, ca: authority.certificate };

const cases: readonly TlsCase[] = [
  {
    name: "a certificate for the server name is taken",
    server: namedServer,
    tls: { ...trusted, serverName: "api.test" },
    outcome: "200",
  },
  {
    name: "a certificate for the address is taken without a server name",
    server: addressServer,
    tls: trusted,
    outcome: "200",
  },
  {
    name: "a certificate for another name is refused",
    server: namedServer,
    tls: { ...trusted, serverName: "other.test" },
    outcome: "UPSTREAM_TLS",
  },
  {
    name: "a certificate for a name is refused for an address",
    server: namedServer,
    tls: trusted,
    outcome: "UPSTREAM_TLS",
  },
  {
    name: "an unknown authority is refused",
    server: namedServer,
    tls: { verify: true, serverName: "api.test" },
    outcome: "UPSTREAM_TLS",
  },
  {
    name: "an expired certificate is refused",
    server: expiredServer,
    tls: { ...trusted, serverName: "api.test" },
    outcome: "UPSTREAM_TLS",
  },
  {
    name: "any certificate is taken with verification off",
    server: expiredServer,
    tls: { verify: false, serverName: "other.test" },
    outcome: "200",
  },
  {
    name: "a client certificate is shown to a server that asks",
    server: namedServer,
    asksClient: true,
    tls: {
      ...trusted,
      serverName: "api.test",
      clientCertificate: client.certificate,
      clientKey: client.key,
    },
    outcome: "200",
  },
  {
    name: "a server that asks for a client certificate refuses without",
    server: namedServer,
    asksClient: true,
    tls: { ...trusted, serverName: "api.test" },
    outcome: "UPSTREAM_TLS",
  },
  {
    name: "a client certificate that is no PEM is an error of TLS",
    server: namedServer,
    tls: { ...trusted, serverName: "api.test", clientCertificate: "x", clientKey: "y" },
    outcome: "UPSTREAM_TLS",
  },
  {
    name: "a server that does not speak TLS is an error of TLS",
    server: null,
    tls: { ...trusted, serverName: "api.test" },
    outcome: "UPSTREAM_TLS",
  },
];

/** Verification on by default, names, client certificates, and a handshake that does not end. */
export function describeTls(context: ConformanceContext): void {
  for (const found of cases) {
    context.check(found.name, async () => {
      const server = startRawServer(serverOptions(found));
      try {
        const origin = originOf(server.port, { scheme: "https", tls: found.tls });
        expect(await outcomeOf(context.transport(), callOf(origin))).toBe(found.outcome);
      } finally {
        server.stop();
      }
    });
  }

  context.check(
    "a connection made without verification is not used by a strict origin",
    async () => {
      const server = startRawServer(serverOptions({ server: namedServer }));
      try {
        const of = (tls: OriginTls, key: string) =>
          callOf(originOf(server.port, { key, scheme: "https", tls }));
        const lenient = of({ verify: false, serverName: "other.test" }, "lenient");
        const strict = of({ ...trusted, serverName: "other.test" }, "strict");
        expect(await outcomeOf(context.transport(), lenient)).toBe("200");
        expect(await outcomeOf(context.transport(), strict)).toBe("UPSTREAM_TLS");
      } finally {
        server.stop();
      }
    },
  );

  const names: [string, OriginTls, string | false][] = [
    ["a server name is told to the server", { ...trusted, serverName: "api.test" }, "api.test"],
    ["an address is not told as a server name", { verify: false }, false],
  ];
  for (const [what, tls, expected] of names) {
    context.check(what, async () => {
      const told: (string | false | null)[] = [];
      const server = createServer(
        { cert: namedServer.certificate, key: namedServer.key },
        (socket) => {
          told.push(socket.servername);
          socket.on("error", () => {});
          socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        },
      );
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      try {
        const address = server.address();
        const port = typeof address === "object" && address !== null ? address.port : 0;
        const origin = originOf(port, { scheme: "https", tls });
        expect(await outcomeOf(context.transport(), callOf(origin))).toBe("200");
        expect(told).toEqual([expected]);
      } finally {
        server.close();
      }
    });
  }

  context.check(
    "a handshake that does not end is a connect timeout; nothing was sent",
    async () => {
      const server = startRawServer({});
      try {
        const origin = originOf(server.port, {
          scheme: "https",
          tls: { ...trusted, serverName: "api.test" },
        });
        const timeouts = { connectMs: 60, sendMs: 5_000, readMs: 5_000 };
        await expect(context.transport().send(callOf(origin, { timeouts }))).rejects.toMatchObject({
          code: "UPSTREAM_CONNECT_TIMEOUT",
          details: { sent: false },
        });
      } finally {
        server.stop();
      }
    },
  );
}

function serverOptions(found: Pick<TlsCase, "server" | "asksClient">): RawServerOptions {
  const reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  if (found.server === null)
    return { onConnect: (peer) => peer.write("HTTP/1.1 400 Bad Request\r\n\r\n") };
  return {
    onRequest: (_, peer) => peer.write(reply),
    tls: {
      cert: found.server.certificate,
      key: found.server.key,
      ...(found.asksClient === true
        ? { requestCert: true, rejectUnauthorized: true, ca: authority.certificate }
        : {}),
    },
  };
}
