import { afterEach, describe, expect, test } from "bun:test";
import { freePort, type H2Peer, startRawServer } from "@catena/testkit";
import { callOf, codeOf, outcomeOf, plainReply, until } from "../../conformance/call-fixture.ts";
import { createH2Transport } from "./h2-transport.ts";
import { cleanUp, cleanups, grpcOrigin, OK, POST, peerFixture } from "./peer-fixture.ts";

afterEach(cleanUp);

describe("replies that are not sound end in an error", () => {
  const cases: [string, string, (stream: number, peer: H2Peer) => void][] = [
    ["no head, but an end", "BAD_REPLY", (id, peer) => peer.data(id, "")],
    ["data before a head", "BAD_REPLY", (id, peer) => peer.data(id, "x")],
    ["no status", "BAD_REPLY", (id, peer) => peer.head(id, ["x-a", "1"])],
    ["a status that is none", "BAD_REPLY", (id, peer) => peer.head(id, [":status", "20"])],
    ["two statuses", "BAD_REPLY", (id, peer) => peer.head(id, [...OK, ":status", "200"])],
    ["a name in capitals", "BAD_REPLY", (id, peer) => peer.head(id, [...OK, "X-A", "1"])],
    ["an empty name", "BAD_REPLY", (id, peer) => peer.head(id, [...OK, "", "1"])],
    ["a line end in a value", "BAD_REPLY", (id, peer) => peer.head(id, [...OK, "x", "1\r\ny: 2"])],
    ["a blank around a value", "BAD_REPLY", (id, peer) => peer.head(id, [...OK, "x", " 1"])],
    [
      "a connection header",
      "BAD_REPLY",
      (id, peer) => peer.head(id, [...OK, "connection", "close"]),
    ],
    [
      "a transfer-encoding",
      "BAD_REPLY",
      (id, peer) => peer.head(id, [...OK, "transfer-encoding", "chunked"]),
    ],
    [
      "a body shorter than its length",
      "BAD_REPLY",
      (id, peer) => {
        peer.head(id, [...OK, "content-length", "5"], false);
        peer.data(id, "abc");
      },
    ],
    [
      "a body longer than its length",
      "BAD_REPLY",
      (id, peer) => {
        peer.head(id, [...OK, "content-length", "2"], false);
        peer.data(id, "abc");
      },
    ],
    [
      "two lengths",
      "BAD_REPLY",
      (id, peer) => peer.head(id, [...OK, "content-length", "2", "content-length", "2"]),
    ],
    [
      "a second head",
      "BAD_REPLY",
      (id, peer) => {
        peer.head(id, OK, false);
        peer.head(id, OK, false);
      },
    ],
    [
      "a pseudo field in trailers",
      "BAD_REPLY",
      (id, peer) => {
        peer.head(id, OK, false);
        peer.head(id, [":status", "200"]);
      },
    ],
    ["101", "BAD_REPLY", (id, peer) => peer.head(id, [":status", "101"], false)],
    [
      "interim replies without end",
      "BAD_REPLY",
      (id, peer) => {
        for (let i = 0; i < 20; i++) peer.head(id, [":status", "103"], false);
      },
    ],
    [
      "more than 256 fields",
      "BAD_REPLY",
      (id, peer) => peer.head(id, [...OK, ...Array.from({ length: 600 }, () => "x")]),
    ],
    ["a reset", "RESET", (id, peer) => peer.reset(id, 2)],
    ["a reset that names no error", "RESET", (id, peer) => peer.reset(id, 0)],
    [
      "a reset within the body",
      "RESET",
      (id, peer) => {
        peer.head(id, OK, false);
        peer.data(id, "part", false);
        peer.reset(id, 0);
      },
    ],
    [
      "a close within the body",
      "RESET",
      (id, peer) => {
        peer.head(id, OK, false);
        peer.data(id, "part", false);
        peer.end();
      },
    ],
    [
      "a TCP reset within the body",
      "RESET",
      (id, peer) => {
        peer.head(id, OK, false);
        peer.terminate();
      },
    ],
    ["a pushed stream", "BAD_REPLY", (id, peer) => peer.frame(5, 4, id, "\0\0\0\x02\x82")],
    [
      "a frame that is too long",
      "BAD_REPLY",
      (id, peer) => peer.frame(0, 0, id, "x".repeat(16_385)),
    ],
    ["a stream of the server's", "BAD_REPLY", (_, peer) => peer.head(2, OK)],
    ["a stream never opened", "BAD_REPLY", (_, peer) => peer.data(99, "x")],
    [
      "a block that does not decode",
      "BAD_REPLY",
      (id, peer) => peer.frame(1, 5, id, "\xff\xff\xff\xff\x7f"),
    ],
    [
      "a block that is interrupted",
      "BAD_REPLY",
      (id, peer) => {
        peer.frame(1, 0, id, "\x88");
        peer.data(id, "x");
      },
    ],
    [
      "a block without end",
      "BAD_REPLY",
      (id, peer) => {
        peer.frame(1, 0, id, "\x88");
        for (let i = 0; i < 64; i++) peer.frame(9, 0, id, "\x88");
      },
    ],
    [
      "more data than the window",
      "BAD_REPLY",
      (id, peer) => {
        peer.head(id, OK, false);
        for (let i = 0; i < 300; i++) peer.data(id, "x".repeat(16_384), false);
      },
    ],
    [
      "a window of more than 2^31",
      "BAD_REPLY",
      (_, peer) => peer.frame(8, 0, 0, "\x7f\xff\xff\xff"),
    ],
    ["a window grown by nothing", "BAD_REPLY", (_, peer) => peer.frame(8, 0, 0, "\0\0\0\0")],
    ["settings that are cut", "BAD_REPLY", (_, peer) => peer.frame(4, 0, 0, "\0\0\0")],
  ];
  test.each(cases)("%s", async (what, code, answer) => {
    const { transport, call } = peerFixture({ onHead: answer });
    for (const buffered of what === "more data than the window" ? [false] : [true, false]) {
      const made = { ...call, ...POST, buffered };
      const reply = await transport.send(made).catch(codeOf);
      if (typeof reply === "string") expect(reply).toBe(`UPSTREAM_${code}`);
      else {
        if (what === "more data than the window") await Bun.sleep(50);
        expect(await plainReply(reply).then(() => "answered", codeOf)).toBe(`UPSTREAM_${code}`);
      }
    }
    expect(transport.stats().activeCalls).toBe(0);
  });
});

describe("what does not speak HTTP/2", () => {
  test("an HTTP/1.1 server is a bad reply; nothing was sent", async () => {
    const server = startRawServer({
      onConnect: (peer) => peer.write("HTTP/1.1 400 Bad Request\r\n\r\n"),
    });
    const transport = createH2Transport();
    cleanups.push(
      () => server.stop(),
      () => transport.close(),
    );
    await expect(transport.send(callOf(grpcOrigin(server.port)))).rejects.toMatchObject({
      code: "UPSTREAM_BAD_REPLY",
      details: { sent: false, reason: "it does not speak HTTP/2" },
    });
  });

  test("a server that closes is a reset; nothing was sent", async () => {
    const { transport, call } = peerFixture({ onPreface: (peer) => peer.end() });
    await expect(transport.send({ ...call, ...POST })).rejects.toMatchObject({
      code: "UPSTREAM_RESET",
      details: { sent: false },
    });
  });

  test("a server without settings is a connect timeout; nothing was sent", async () => {
    const { transport, call, server } = peerFixture({ onPreface: () => {} });
    const timeouts = { connectMs: 60, sendMs: 5_000, readMs: 5_000 };
    await expect(transport.send({ ...call, timeouts })).rejects.toMatchObject({
      code: "UPSTREAM_CONNECT_TIMEOUT",
      details: { sent: false },
    });
    await until(() => server.openCount === 0, "the connection is closed");
  });

  test("a server that takes no streams is refused; nothing was sent", async () => {
    const { transport, call } = peerFixture({
      onPreface: (peer) => peer.frame(4, 0, 0, "\0\x03\0\0\0\0"),
    });
    await expect(transport.send(call)).rejects.toMatchObject({
      code: "UPSTREAM_REFUSED",
      details: { sent: false },
    });
  });

  test("a port where nobody listens refuses; nothing was sent", async () => {
    const transport = createH2Transport();
    cleanups.push(() => transport.close());
    await expect(transport.send(callOf(grpcOrigin(await freePort())))).rejects.toMatchObject({
      code: "UPSTREAM_REFUSED",
      details: { sent: false },
    });
  });
});

describe("what is sent again", () => {
  const refusals: [string, (stream: number, peer: H2Peer) => void][] = [
    ["REFUSED_STREAM", (stream, peer) => peer.reset(stream, 7)],
    ["GOAWAY that leaves the stream out", (_, peer) => peer.goaway(0, 0)],
  ];
  test.each(refusals)("a POST after %s, once", async (_, refuse) => {
    let count = 0;
    const { transport, call, heads } = peerFixture({
      onHead: (stream, peer) => {
        count += 1;
        if (count === 1) refuse(stream, peer);
        else peer.head(stream, OK);
      },
    });
    expect(await outcomeOf(transport, { ...call, ...POST })).toBe("200");
    expect(heads()).toBe(2);
  });

  test.each(refusals)("no more than once after %s; nothing counts as sent", async (_, refuse) => {
    const { transport, call, heads } = peerFixture({ onHead: refuse });
    await expect(transport.send({ ...call, ...POST })).rejects.toMatchObject({
      code: "UPSTREAM_RESET",
      details: { sent: false },
    });
    expect(heads()).toBe(2);
  });

  test("a stream that was begun is not, and counts as sent", async () => {
    const { transport, call, heads } = peerFixture({
      onHead: (stream, peer) => peer.reset(stream, 7),
    });
    const body = new Blob(["once"]).stream();
    await expect(transport.send({ ...call, ...POST, body })).rejects.toMatchObject({
      code: "UPSTREAM_RESET",
      details: { sent: true },
    });
    expect(heads()).toBe(1);
  });

  const betrayals: [string, (peer: H2Peer) => void][] = [
    ["closed", (peer) => peer.end()],
    ["reset", (peer) => peer.terminate()],
  ];
  test.each(betrayals)(
    "GET, when a proven connection is %s under it; POST is not",
    async (_, betray) => {
      let count = 0;
      const { transport, call, heads } = peerFixture({
        onHead: (stream, peer) => {
          count += 1;
          if (count === 1 || count === 3) peer.head(stream, OK);
          else betray(peer);
        },
      });
      expect(await outcomeOf(transport, call)).toBe("200");
      expect(await outcomeOf(transport, call)).toBe("200");
      expect(heads()).toBe(3);
      await expect(transport.send({ ...call, ...POST })).rejects.toMatchObject({
        code: "UPSTREAM_RESET",
        details: { sent: true },
      });
      expect(heads()).toBe(4);
    },
  );

  test("nothing, on a connection that has not answered yet", async () => {
    const { transport, call, heads } = peerFixture({ onHead: (_, peer) => peer.end() });
    expect(await outcomeOf(transport, call)).toBe("UPSTREAM_RESET");
    expect(heads()).toBe(1);
  });
});

test("GOAWAY lets the calls before it end, and later ones go elsewhere", async () => {
  let first: [number, H2Peer] | null = null;
  const { transport, call, server } = peerFixture({
    onHead: (stream, peer) => {
      if (first === null) {
        first = [stream, peer];
        peer.goaway(stream, 0);
      } else peer.head(stream, OK);
    },
  });
  const running = outcomeOf(transport, call);
  await until(() => first !== null, "the request is there");
  expect(await outcomeOf(transport, call)).toBe("200");
  expect(server.connectionCount).toBe(2);
  const [stream, peer] = first as unknown as [number, H2Peer];
  peer.head(stream, OK, false);
  peer.data(stream, "late");
  expect(await running).toBe("200");
  await until(() => server.openCount === 1, "the first connection is closed");
});
