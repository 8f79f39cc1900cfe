import { afterEach, describe, expect, test } from "bun:test";
import type { H2PeerClient } from "@catena/testkit";
import { echo, untilSettled } from "../conformance/served.ts";
import { cleanUp, GET, ofType, peerOf, start } from "./h2-fixture.ts";

afterEach(cleanUp);

describe("what is no request", () => {
  const without = (name: string): string[] => GET.filter((_, i) => GET[i - (i % 2)] !== name);
  const malformed: [string, string[]][] = [
    ["no method", without(":method")],
    ["no path", without(":path")],
    ["no scheme", without(":scheme")],
    ["two paths", [...GET, ":path", "/b"]],
    ["an unknown pseudo field", [...GET, ":protocol", "websocket"]],
    ["a pseudo field behind others", ["x-a", "1", ...GET]],
    ["a status", [...GET, ":status", "200"]],
    ["a name in capitals", [...GET, "X-A", "1"]],
    ["a line end in a value", [...GET, "x-a", "1\r\nx-b: 2"]],
    ["a connection header", [...GET, "connection", "close"]],
    ["a transfer-encoding", [...GET, "transfer-encoding", "chunked"]],
    ["te other than trailers", [...GET, "te", "gzip"]],
    ["a length and no body", [...GET, "content-length", "5"]],
    ["two lengths", [...GET, "content-length", "0", "content-length", "0"]],
  ];
  test.each(malformed)("is reset: %s", async (_, fields) => {
    const { server, requests } = start(echo);
    const peer = await peerOf(server);
    peer.head(1, fields);
    await untilSettled(() => ofType(peer, 3).length === 1);
    expect(ofType(peer, 3)[0]?.payload.readUInt32BE()).toBe(1);
    peer.head(3, GET);
    await untilSettled(() => ofType(peer, 1).length === 1);
    expect(requests.length).toBe(1);
  });

  const bodies: [string, string, string][] = [
    ["longer", "3", "abcd"],
    ["shorter", "5", "abcd"],
  ];
  test.each(bodies)("is reset: a body %s than its length", async (_, length, body) => {
    const { server, errors } = start(echo);
    const peer = await peerOf(server);
    peer.head(1, [...GET, "content-length", length], false);
    peer.data(1, body);
    await untilSettled(() => ofType(peer, 3).length === 1);
    await untilSettled(() => errors.length === 1);
    expect(errors).toEqual(["REQUEST_BODY_LOST"]);
    expect(ofType(peer, 1)).toEqual([]);
  });

  const refused: [string, string[], number][] = [
    ["another Host", [...GET, "host", "b.test"], 400],
    ["no authority", without(":authority"), 400],
    ["a user in the authority", [...without(":authority"), ":authority", "u@a.test"], 400],
    ["a method in lower case", [...without(":method"), ":method", "get"], 400],
    ["a target that is no path", [...without(":path"), ":path", "http://b.test/"], 400],
    ["a blank in the target", [...without(":path"), ":path", "/a b"], 400],
    ["more than 256 fields", [...GET, ...Array.from({ length: 600 }, () => "x")], 431],
  ];
  test.each(refused)("is answered: %s", async (_, fields, status) => {
    const { server, requests } = start(echo);
    const peer = await peerOf(server);
    const pseudo = fields.filter((__, i) => fields[i - (i % 2)]?.startsWith(":"));
    const others = fields.filter((__, i) => !fields[i - (i % 2)]?.startsWith(":"));
    peer.head(1, [...pseudo, ...others]);
    await untilSettled(() => ofType(peer, 1).length === 1);
    expect(ofType(peer, 1)[0]?.payload.toString("latin1")).toContain(
      status === 400 ? "\x8c" : String(status),
    );
    expect(requests).toEqual([]);
  });
});

describe("what a client may not do", () => {
  /** The code of the GOAWAY that a client gets, and that the connection is closed. */
  const farewell = async (peer: H2PeerClient): Promise<number | undefined> => {
    await untilSettled(() => peer.hasEnded);
    return ofType(peer, 7).at(-1)?.payload.readUInt32BE(4);
  };
  const number = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const hang = (): Promise<never> => new Promise(() => {});

  const faults: [string, number, (peer: H2PeerClient) => void][] = [
    ["data of a stream never opened", 1, (peer) => peer.data(1, "x")],
    ["a stream of an even number", 1, (peer) => peer.head(2, GET)],
    ["a stream of number 0", 1, (peer) => peer.frame(1, 5, 0)],
    ["a pushed stream", 1, (peer) => peer.frame(5, 4, 1, "\0\0\0\x02\x82")],
    ["settings that are cut", 6, (peer) => peer.frame(4, 0, 0, "\0\0\0")],
    ["a window of 0 more", 1, (peer) => peer.frame(8, 0, 0, number(0))],
    ["a window of more than 2^31", 3, (peer) => peer.frame(8, 0, 0, number(0x7fff_ffff))],
    ["a ping of three bytes", 6, (peer) => peer.frame(6, 0, 0, "abc")],
    ["a frame that is too long", 6, (peer) => peer.frame(0, 0, 1, "x".repeat(16_385))],
    ["a block that does not decode", 9, (peer) => peer.frame(1, 5, 1, "\xff\xff\xff\xff\x7f")],
    [
      "a block without end",
      11,
      (peer) => {
        peer.frame(1, 0, 1, "\x82");
        for (let i = 0; i < 64; i++) peer.frame(9, 0, 1, "");
      },
    ],
    [
      "streams that are reset as soon as they are opened",
      11,
      (peer) => {
        for (let id = 1; id < 4_000; id += 2) {
          peer.head(id, GET);
          peer.reset(id, 8);
        }
      },
    ],
    [
      "pings without end",
      11,
      (peer) => {
        for (let i = 0; i < 25_000; i++) peer.frame(6, 0, 0, "12345678");
      },
    ],
    [
      "empty data without end",
      11,
      (peer) => {
        peer.head(1, GET, false);
        for (let i = 0; i < 25_000; i++) peer.data(1, "", false);
      },
    ],
  ];
  test.each(faults)("%s: error %d", async (_, code, act) => {
    const { server } = start(hang);
    const peer = await peerOf(server);
    act(peer);
    expect(await farewell(peer)).toBe(code);
  });

  test("more than 128 requests at a time: those beyond are refused", async () => {
    const { server, requests } = start(hang);
    const peer = await peerOf(server);
    for (let id = 1; id <= 2 * 130; id += 2) peer.head(id, GET);
    await untilSettled(() => ofType(peer, 3).length === 2);
    expect(ofType(peer, 3).map(({ payload }) => payload.readUInt32BE())).toEqual([7, 7]);
    expect(requests.length).toBe(128);
  });

  test("more of a body than the window", async () => {
    const { server } = start(hang);
    const peer = await peerOf(server);
    peer.head(1, GET, false);
    for (let i = 0; i < 20; i++) peer.data(1, "x".repeat(16_384), false);
    await untilSettled(() => ofType(peer, 3).length === 1);
    expect(ofType(peer, 3)[0]?.payload.readUInt32BE()).toBe(3);
  });
});
