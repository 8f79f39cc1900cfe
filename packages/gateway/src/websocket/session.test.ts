import { describe, expect, test } from "bun:test";
import type { ClientWebSocket } from "@catena/server";
import type { UpstreamWebSocket } from "@catena/upstream";
import { type SessionEnd, WebSocketSession } from "./session.ts";

/** A session between two sides that only note what is asked of them; a close is told at once. */
function startSession() {
  const told: string[] = [];
  const ends: SessionEnd[] = [];
  const state = { clientBehind: 0, upstreamBehind: 0 };
  const note =
    (name: string) =>
    (...values: readonly unknown[]) => {
      told.push([name, ...values].join(" "));
      return -1;
    };
  const upstream = {
    get backlog() {
      return state.upstreamBehind;
    },
    listen: () => undefined,
    extend: note("upstream waits on"),
    pause: note("upstream pauses"),
    resume: note("upstream resumes"),
    close: note("upstream closes"),
    terminate: note("upstream ends"),
    sendText: note("upstream gets"),
    ping: note("upstream is pinged"),
    pong: note("upstream is ponged"),
  };
  const client = {
    getBufferedAmount: () => state.clientBehind,
    pause: note("client pauses"),
    resume: () => undefined,
    close: (code: number, reason: string) => {
      note("client closes")(code, reason);
      session.closed(code, reason);
    },
    terminate: () => {
      note("client ends")();
      session.closed(1006, "");
    },
    sendText: note("client gets"),
    ping: note("client is pinged"),
    pong: note("client is ponged"),
  };
  // The session asks of both sides what is here, and nothing else, in these tests.
  const session: WebSocketSession = new WebSocketSession(upstream as unknown as UpstreamWebSocket, {
    sendMs: 60_000,
    onOpen: () => undefined,
    onEnd: (end) => ends.push(end),
  });
  session.opened(client as unknown as ClientWebSocket<WebSocketSession>);
  return { session, state, told, ends };
}

const MIB = 1024 * 1024;

describe("when nothing moved for too long", () => {
  test("a client that took some of what it was sent is waited for, once more for each time", () => {
    const { session, state, told, ends } = startSession();
    state.clientBehind = 2 * MIB;
    session.onMessage("m");
    state.clientBehind = MIB;
    session.onOverdue();
    expect(told).toEqual(["client gets m", "upstream pauses", "upstream waits on"]);
    session.onOverdue();
    expect(told.slice(3)).toEqual(["upstream closes 1001 the client takes nothing", "client ends"]);
    expect(ends).toMatchObject([{ by: "gateway", code: 1006 }]);
  });

  test("an upstream that takes nothing is cut off", () => {
    const { session, state, told } = startSession();
    state.upstreamBehind = MIB;
    session.received("m");
    session.onOverdue();
    expect(told).toEqual([
      "upstream gets m",
      "client pauses",
      "upstream ends",
      "client closes 1014 the upstream takes nothing",
    ]);
  });

  test("two that have nothing to say are told so", () => {
    const { session, told, ends } = startSession();
    session.onOverdue();
    expect(told).toEqual(["upstream closes 1001 idle timeout", "client closes 1001 idle timeout"]);
    expect(ends).toHaveLength(1);
  });
});

describe("a Close frame of the upstream", () => {
  test("waits until the client took what was sent before", () => {
    const { session, state, told, ends } = startSession();
    state.clientBehind = MIB;
    session.onClose(1000, "done");
    expect([told, ends.length]).toEqual([["upstream closes 1000 done"], 1]);
    session.drained();
    expect(told).toHaveLength(1);
    state.clientBehind = 0;
    session.drained();
    expect(told[1]).toBe("client closes 1000 done");
    session.closed(1000, "done");
    expect(ends).toHaveLength(1);
  });
});

describe("an end is told once, by whom it was", () => {
  test("the gateway", () => {
    const { session, told, ends } = startSession();
    session.close(1001, "stops");
    expect(told).toEqual(["upstream closes 1001 stops", "client closes 1001 stops"]);
    expect(ends).toEqual([{ by: "gateway", code: 1001, reason: "stops" }]);
  });

  test("the gateway, for a fault of the upstream", () => {
    const { session, told, ends } = startSession();
    session.onFault(1002, "nonsense");
    expect(told).toEqual(["upstream closes 1002 nonsense", "client closes 1014 nonsense"]);
    expect(ends).toEqual([{ by: "gateway", code: 1002, reason: "the upstream sent nonsense" }]);
  });

  test("the upstream", () => {
    const { session, told, ends } = startSession();
    session.onLost();
    expect(told).toEqual(["client ends"]);
    expect(ends).toEqual([{ by: "upstream", code: 1006, reason: "" }]);
  });

  test("the client", () => {
    const { session, told, ends } = startSession();
    session.closed(4000, "by");
    session.close(1001, "late");
    expect(told).toEqual(["upstream closes 4000 by"]);
    expect(ends).toEqual([{ by: "client", code: 4000, reason: "by" }]);
  });
});

describe("whoever is ahead waits", () => {
  const payload = Buffer.from("p");

  test.each([
    ["messages", (session: WebSocketSession) => session.received("p"), "gets"],
    ["pings", (session: WebSocketSession) => session.pinged(payload), "is pinged"],
    ["pongs", (session: WebSocketSession) => session.ponged(payload), "is ponged"],
  ])("the client, with its %s", (_name, send, heard) => {
    const { session, state, told } = startSession();
    send(session);
    state.upstreamBehind = MIB;
    send(session);
    expect(told).toEqual([`upstream ${heard} p`, `upstream ${heard} p`, "client pauses"]);
  });

  test.each([
    ["messages", (session: WebSocketSession) => session.onMessage("p"), "gets"],
    ["pings", (session: WebSocketSession) => session.onPing(payload), "is pinged"],
    ["pongs", (session: WebSocketSession) => session.onPong(payload), "is ponged"],
  ])("the upstream, with its %s", (_name, send, heard) => {
    const { session, state, told } = startSession();
    send(session);
    state.clientBehind = MIB;
    send(session);
    expect(told).toEqual([`client ${heard} p`, `client ${heard} p`, "upstream pauses"]);
  });
});
