import { expect, test } from "bun:test";
import { contextOf } from "../plugin.testbed.ts";
import { pause } from "./pause.ts";

test("a pause that is over lets the request go on", async () => {
  expect(await pause(contextOf({}), 1)).toBeUndefined();
});

test("a pause ends when the client leaves or the gateway stops", async () => {
  const leaving = contextOf({});
  const left = pause(leaving, 1e12);
  leaving.cancel.cancel("client-gone");
  expect((await left)?.status).toBe(499);
  expect((await pause(leaving, 1e12))?.status).toBe(499);
  const stopping = contextOf({});
  const stopped = pause(stopping, 60_000);
  stopping.cancel.cancel("shutdown");
  expect((await stopped)?.status).toBe(503);
});
