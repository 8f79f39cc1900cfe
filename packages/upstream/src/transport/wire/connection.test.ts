import { expect, test } from "bun:test";
import type { Socket } from "bun";
import { callOf, originOf } from "../../conformance/call-fixture.ts";
import type { UpstreamReply } from "../transport.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";

/** A connection whose socket the test plays, and what its pool heard. */
function fixture() {
  const heard: string[] = [];
  const owner: ConnectionOwner = {
    release: () => true,
    redial: () => heard.push("redial"),
    callEnded: () => heard.push("callEnded"),
    abandoned: () => heard.push("abandoned"),
    closed: (_, wasAbandoned) => heard.push(wasAbandoned ? "closed abandoned" : "closed"),
  };
  const origin = originOf(80);
  const connection = new Connection(origin, owner);
  const socket = {
    write: (data: { length: number }) => data.length,
    end: () => heard.push("end"),
    terminate: () => heard.push("terminate"),
  };
  const pending = Promise.withResolvers<UpstreamReply>();
  connection.begin(callOf(origin), "GET / HTTP/1.1\r\nHost: x\r\n", pending, 0);
  // The connection uses these three methods of a socket only, as long as nothing is paused.
  const open = () => connection.socketOpened(socket as unknown as Socket<Connection>);
  return { heard, connection, pending, open };
}

test("a connect that takes too long fails the call, and is closed when it opens at last", async () => {
  const { heard, connection, pending, open } = fixture();
  expect(connection.dueAt).toBe(5_000);
  connection.expire(5_000);
  await expect(pending.promise).rejects.toMatchObject({
    code: "UPSTREAM_CONNECT_TIMEOUT",
    details: { sent: false },
  });
  expect(heard).toEqual(["callEnded", "abandoned"]);
  open();
  connection.ready();
  expect(heard).toEqual(["callEnded", "abandoned", "closed abandoned", "terminate"]);
});

test("an abandoned connect that fails is forgotten", async () => {
  const { heard, connection, pending } = fixture();
  connection.expire(5_000);
  await pending.promise.catch(() => {});
  connection.dialFailed("UPSTREAM_REFUSED", "ECONNREFUSED");
  connection.dialFailed("UPSTREAM_REFUSED", "ECONNREFUSED");
  expect(heard).toEqual(["callEnded", "abandoned", "closed abandoned"]);
});

test("a fault of a handler fails the call instead of leaving it alone", async () => {
  const { heard, connection, pending, open } = fixture();
  open();
  connection.ready();
  connection.socketFailed(new Error("a bug"));
  await expect(pending.promise).rejects.toMatchObject({ code: "UPSTREAM_RESET" });
  expect(heard).toEqual(["callEnded", "closed", "terminate"]);
});

test("a first connection that breaks is not tried again", async () => {
  const { heard, connection, pending, open } = fixture();
  open();
  connection.ready();
  connection.socketClosed(undefined);
  await expect(pending.promise).rejects.toMatchObject({ code: "UPSTREAM_RESET" });
  expect(heard).not.toContain("redial");
});
