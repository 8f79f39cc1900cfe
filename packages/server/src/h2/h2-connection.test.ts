import { expect, test } from "bun:test";
import { CLIENT_PREFACE, DeadlineSweep } from "@catena/http";
import type { ServerRequest } from "../server-request.ts";
import { H2Connection } from "./h2-connection.ts";

const SETTINGS = "\0\0\0\x04\0\0\0\0\0";
/** HEADERS of stream 1 that ends it: GET / of a.test over http. */
const GET = "\0\0\x0b\x01\x05\0\0\0\x01\x82\x84\x86\x01\x06a.test";
const PING = "\0\0\x08\x06\0\0\0\0\0\0\0\0\0\0\0\0\0";
const PING_ANSWER = "\0\0\x08\x06\x01\0\0\0\0\0\0\0\0\0\0\0\0";

/** A connection whose socket the test plays, and what is done to that. */
function fixture() {
  const done: string[] = [];
  const requests: ServerRequest[] = [];
  const socket = {
    unsent: 0,
    write: (bytes: string | Uint8Array) => {
      done.push(Buffer.from(bytes).toString("latin1"));
      return bytes.length;
    },
    end: () => done.push("end"),
    shutdown: () => done.push("shutdown"),
    terminate: () => done.push("terminate"),
    pause: () => {},
    resume: () => {},
  };
  const owner = {
    answer: (request: ServerRequest) => {
      requests.push(request);
    },
    serverHeader: "",
    closing: false,
    hostname: "127.0.0.1",
    port: 80,
    sweep: new DeadlineSweep(),
    closed: () => done.push("closed"),
  };
  const connection = new H2Connection(socket, owner, { address: "127.0.0.1", port: 1 });
  const send = (text: string): void => connection.socketData(Buffer.from(text, "latin1"));
  connection.socketData(CLIENT_PREFACE);
  send(SETTINGS);
  return { connection, done, requests, send, socket };
}

test("a client with a request is asked for a sign of life, and given up without", () => {
  const { connection, done, requests, send } = fixture();
  send(GET);
  expect(requests.length).toBe(1);
  done.length = 0;
  const now = performance.now();
  connection.expire(now + 30_000);
  expect(done).toEqual([]);
  connection.expire(now + 61_000);
  expect(done).toEqual([PING]);
  send(PING_ANSWER);
  connection.expire(now + 59_000);
  expect(done).toEqual([PING]);
  connection.expire(now + 62_000);
  expect(done).toEqual([PING, PING]);
  connection.expire(now + 120_000);
  expect(done).toEqual([PING, PING, "terminate", "closed"]);
});

test("a client without a request is sent away, and dropped when it does not leave", () => {
  const { connection, done } = fixture();
  done.length = 0;
  const now = performance.now();
  connection.expire(now + 60_000);
  expect(done.map((what) => (what.charCodeAt(3) === 7 ? "GOAWAY" : what))).toEqual([
    "GOAWAY",
    "shutdown",
  ]);
  connection.expire(now + 66_000);
  expect(done.slice(2)).toEqual(["terminate", "closed"]);
});

test("a client that is sent away gets what the socket has for it, as long as it takes some", () => {
  const { connection, done, socket } = fixture();
  const now = performance.now();
  connection.expire(now + 60_000);
  done.length = 0;
  for (socket.unsent = 30_000; socket.unsent > 10_000; socket.unsent -= 5_000)
    connection.expire(now + 66_000);
  expect(done).toEqual([]);
  connection.expire(now + 130_000);
  connection.expire(now + 190_000);
  expect(done).toEqual(["terminate", "closed"]);
});
