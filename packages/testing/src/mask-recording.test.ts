import { expect, test } from "bun:test";
import { maskRecording } from "./mask-recording.ts";
import type { Recording } from "./recording.ts";

const recording: Recording = {
  v: 1,
  chain: "a",
  request: {
    params: { token: "param-token" },
    query: { api_key: "a key/1", page: "2" },
    headers: {
      Authorization: "Bearer abc.def",
      Cookie: "sid=cookie-1; lang=",
      "X-Shop-Token": ["shop-1", "shop-2"],
      Accept: "text/html",
    },
    body: {
      user: "ada",
      password: "hunter22",
      pin: 1234,
      keep: 5,
      tokens: ["t-one", { a: "t-two" }],
    },
  },
  calls: [
    {
      operation: "x.get",
      method: "GET",
      target: "/x/a%20key%2F1?access_token=abc.def&page=2",
      sent: { note: "hunter22 of ada" },
      answer: 200,
      headers: { "set-cookie": "sid=cookie-1; Path=/", etag: "e" },
      body: { session: "later-1", ok: true, none: null },
    },
    {
      operation: "x.put",
      method: "PUT",
      target: "/x",
      answer: 200,
      text: '{"n":12345678901234567890,"secret":"deep-1"}',
    },
    { operation: "x.text", method: "GET", target: "/later-1", answer: 200, text: "bearer abc.def" },
    { operation: "x.gone", method: "GET", target: "/x", answer: "refused" },
  ],
  forwarded: {
    sent: { authorization: "Bearer abc.def" },
    answer: 200,
    headers: {},
    body: "deep-1",
  },
  reply: { status: 200, body: { echo: ["abc.def", "ada"] } },
};

test("credentials are masked wherever they stand, and nothing else is", () => {
  const { recording: masked } = maskRecording(recording);
  const text = JSON.stringify(masked);
  for (const secret of [
    "param-token",
    "a key/1",
    "a%20key%2F1",
    "abc.def",
    "cookie-1",
    "shop-1",
    "shop-2",
    "hunter22",
    "t-one",
    "t-two",
    "later-1",
    "deep-1",
  ]) {
    expect(text).not.toContain(secret);
  }
  expect(masked.request).toMatchObject({
    query: { page: "2" },
    headers: { Accept: "text/html" },
    body: { user: "ada", pin: 0, keep: 5 },
  });
  expect(masked.request.headers?.["Authorization"]).toStartWith("Bearer masked");
  expect(masked.calls[0]).toMatchObject({
    headers: { etag: "e" },
    body: { ok: true, none: null },
  });
  expect(masked.calls[1]?.text).toStartWith('{"n":12345678901234567890,"secret":"masked');
  expect(masked.calls[3]).toEqual(recording.calls[3]!);
});

test("one secret is one mask, and two are two", () => {
  const { request, calls, reply } = maskRecording(recording).recording;
  const token = request.headers?.["Authorization"]?.toString().replace("Bearer ", "");
  expect(reply.body).toEqual({ echo: [token, "ada"] });
  expect(calls[0]?.target).toContain(`access_token=${token}&page=2`);
  expect(calls[0]?.target).toStartWith(`/x/${request.query?.["api_key"]}?`);
  expect(request.query?.["api_key"]).not.toBe(token!);
});

test("what is masked stays as it is", () => {
  const once = maskRecording(recording).recording;
  expect(maskRecording(once).recording).toEqual(once);
});
