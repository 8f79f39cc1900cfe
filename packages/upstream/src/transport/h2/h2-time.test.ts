import { afterEach, describe, expect, test } from "bun:test";
import type { Socket } from "bun";
import { callOf, codeOf, outcomeOf, until } from "../../conformance/call-fixture.ts";
import { CancelScope } from "../cancel-scope.ts";
import type { Dialled } from "../wire/dial.ts";
import { H2Call } from "./h2-call.ts";
import { H2Session } from "./h2-session.ts";
import { cleanUp, grpcOrigin, OK, POST, peerFixture, short } from "./peer-fixture.ts";

afterEach(cleanUp);

describe("time", () => {
  test("silence ends in a read timeout, the stream is cancelled, and others go elsewhere", async () => {
    let isSilent = true;
    const { transport, call, server, resets } = peerFixture({
      onHead: (stream, peer) => {
        if (!isSilent) peer.head(stream, OK);
      },
    });
    expect(await outcomeOf(transport, { ...call, timeouts: short })).toBe("UPSTREAM_READ_TIMEOUT");
    isSilent = false;
    expect(await outcomeOf(transport, call)).toBe("200");
    expect(server.connectionCount).toBe(2);
    expect(resets()).toEqual([[1, 8]]);
    await until(() => server.openCount === 1, "the silent connection is closed");
  });

  test("a connection that answers others is kept when one call is not answered", async () => {
    const { transport, call, server } = peerFixture({
      onHead: (stream, peer) => {
        if (stream !== 1) peer.head(stream, OK);
      },
    });
    const silent = outcomeOf(transport, { ...call, timeouts: { ...short, readMs: 300 } });
    await until(() => server.frames.some(({ type }) => type === 1), "the request is there");
    await Bun.sleep(5);
    expect(await outcomeOf(transport, call)).toBe("200");
    expect(await silent).toBe("UPSTREAM_READ_TIMEOUT");
    expect(await outcomeOf(transport, call)).toBe("200");
    expect(server.connectionCount).toBe(1);
  });

  test("silence within the body ends in a read timeout", async () => {
    const { transport, call } = peerFixture({
      onHead: (stream, peer) => {
        peer.head(stream, OK, false);
        peer.data(stream, "part", false);
      },
    });
    for (const buffered of [true, false])
      expect(await outcomeOf(transport, { ...call, buffered, timeouts: short })).toBe(
        "UPSTREAM_READ_TIMEOUT",
      );
  });

  test("a window that stays closed ends in a send timeout", async () => {
    const { transport, call } = peerFixture({ onHead: () => {} });
    const timeouts = { connectMs: 5_000, sendMs: 60, readMs: 5_000 };
    for (const body of [Buffer.alloc(200_000), new Blob([Buffer.alloc(200_000)]).stream()])
      expect(await outcomeOf(transport, { ...call, ...POST, body, timeouts })).toBe(
        "UPSTREAM_SEND_TIMEOUT",
      );
  });

  test("a slow source is not the peer's fault", async () => {
    const { transport, call } = peerFixture({
      onFrame: ({ type, flags, stream }, peer) => {
        if (type === 0 && (flags & 1) !== 0) peer.head(stream, OK);
      },
    });
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        for (let i = 0; i < 3; i++) {
          await Bun.sleep(60);
          controller.enqueue(new Uint8Array(1));
        }
        controller.close();
      },
    });
    const timeouts = { connectMs: 5_000, sendMs: 40, readMs: 5_000 };
    expect(await outcomeOf(transport, { ...call, ...POST, body, timeouts })).toBe("200");
  });

  test("the deadline ends a call", async () => {
    const { transport, call, resets } = peerFixture({ onHead: () => {} });
    const deadlineAt = performance.now() + 60;
    expect(await outcomeOf(transport, { ...call, deadlineAt })).toBe("UPSTREAM_DEADLINE");
    await until(() => resets().length === 1, "the stream is reset");
  });

  test("a call can be given up: the peer hears CANCEL, the connection stays", async () => {
    const { transport, call, server, resets } = peerFixture({
      onHead: (stream, peer) => {
        if (stream > 1) peer.head(stream, OK);
      },
    });
    const cancel = new CancelScope();
    const outcome = outcomeOf(transport, { ...call, cancel });
    await until(() => server.frames.some(({ type }) => type === 1), "the request is there");
    cancel.cancel("client-gone");
    expect(await outcome).toBe("UPSTREAM_CANCELLED");
    expect(await outcomeOf(transport, call)).toBe("200");
    expect(resets()).toEqual([[1, 8]]);
    expect(server.connectionCount).toBe(1);
  });

  test("a call given up before the connection is there closes it", async () => {
    const { transport, call, server } = peerFixture({ onPreface: () => {} });
    const cancel = new CancelScope();
    const outcome = outcomeOf(transport, { ...call, cancel });
    await until(() => server.openCount === 1, "the connection is there");
    cancel.cancel("client-gone");
    expect(await outcome).toBe("UPSTREAM_CANCELLED");
    await until(() => server.openCount === 0, "the connection is closed");
    expect(transport.stats()).toEqual({ openConnections: 0, idleConnections: 0, activeCalls: 0 });
  });
});

test("a reply before the request is complete is handed out, and ends the request", async () => {
  const { transport, call, resets } = peerFixture({
    onHead: (stream, peer) => peer.head(stream, OK),
  });
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(1)),
    cancel: () => {
      isCancelled = true;
    },
  });
  expect(await outcomeOf(transport, { ...call, ...POST, body })).toBe("200");
  await until(() => isCancelled, "the source learns that the rest is not wanted");
  await until(() => resets().length === 1, "the stream is reset");
});

test("a request body that fails resets the stream", async () => {
  const { transport, call, server, resets } = peerFixture({ onHead: () => {} });
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await until(() => server.frames.some(({ type }) => type === 1), "the request has begun");
      controller.error(new Error("the client went away"));
    },
  });
  const failure = transport.send({ ...call, ...POST, body }).then(() => "answered", codeOf);
  expect(await failure).toBe("UPSTREAM_CANCELLED");
  await until(() => resets().length === 1, "the stream is reset");
  expect(server.frames.some(({ type, flags }) => type === 0 && (flags & 1) !== 0)).toBe(false);
});

test("pings are answered", async () => {
  const { transport, call, server } = peerFixture({
    onHead: (stream, peer) => {
      peer.frame(6, 0, 0, "12345678");
      peer.head(stream, OK);
    },
  });
  expect(await outcomeOf(transport, call)).toBe("200");
  const isAnswer = (frame: { type: number; flags: number; payload: Buffer }): boolean =>
    frame.type === 6 && frame.flags === 1 && frame.payload.toString() === "12345678";
  await until(() => server.frames.some(isAnswer), "the answer is there");
});

test("pings without end are too much", async () => {
  const { transport, call } = peerFixture({
    onHead: (_, peer) => {
      for (let i = 0; i < 10; i++) {
        const ping = Buffer.from("\0\0\x08\x06\0\0\0\0\0" + "12345678", "latin1");
        peer.write(Buffer.concat(Array.from({ length: 3_000 }, () => ping)));
      }
    },
  });
  expect(await outcomeOf(transport, { ...call, ...POST })).toBe("UPSTREAM_BAD_REPLY");
});

test("a connection that is silent under an open request is asked for a sign of life, then given up", () => {
  const done: string[] = [];
  const owner = {
    opened: () => {},
    freed: () => {},
    closed: () => done.push("closed"),
    abandoned: () => {},
  };
  const origin = grpcOrigin(80);
  const session = new H2Session(origin, owner);
  const socket = {
    write: (bytes: Uint8Array) => {
      done.push(bytes[3] === 6 ? "ping" : "write");
      return bytes.byteLength;
    },
    terminate: () => done.push("terminate"),
  };
  // The session uses these two methods of a socket only, as long as it is not closed in order.
  session.socketOpened(socket as unknown as Socket<Dialled>);
  session.ready();
  session.socketData(Buffer.from("\0\0\0\x04\0\0\0\0\0", "latin1"));
  const outcomes: string[] = [];
  const receiver = {
    resolve: () => outcomes.push("answered"),
    reject: (error: unknown) => outcomes.push(codeOf(error)),
  };
  const call = new H2Call(callOf(origin, { ...POST, body: new ReadableStream() }), receiver, {
    repeat: () => {},
    ended: () => {},
  });
  const now = performance.now();
  session.calls.add(call);
  session.busy(now);
  call.begin(session, now);
  done.length = 0;
  session.expire(now + 300_000);
  session.expire(now + 331_000);
  session.expire(now + 352_000);
  expect(done).toEqual(["ping", "closed", "terminate"]);
  expect(outcomes).toEqual(["UPSTREAM_RESET"]);
});
