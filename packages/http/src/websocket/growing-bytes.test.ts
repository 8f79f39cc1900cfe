import { expect, test } from "bun:test";
import { GrowingBytes } from "./growing-bytes.ts";

const piece = Buffer.from("abcdefgh");

test("pieces are copied, one behind the other", () => {
  const bytes = new GrowingBytes();
  bytes.append(piece, 1, 3, 0);
  bytes.append(piece, 5, 5, 0);
  bytes.append(piece, 6, 8, 0);
  expect(bytes.length).toBe(4);
  expect(bytes.take().toString()).toBe("bcgh");
  expect([bytes.length, bytes.take().length]).toEqual([0, 0]);
});

test("room is made for what was announced when a part of it is there, and no more", () => {
  const bytes = new GrowingBytes();
  bytes.append(piece, 0, 8, 40);
  bytes.append(piece, 0, 8, 32);
  expect(bytes.take().buffer.byteLength).toBe(48);
});

test("a peer that announces much and sends little gets little room", () => {
  const bytes = new GrowingBytes();
  bytes.append(piece, 0, 1, 2 ** 40);
  bytes.append(piece, 0, 1, 2 ** 40 - 1);
  expect(bytes.take().buffer.byteLength).toBe(16);
});
