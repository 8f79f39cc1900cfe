import { describe, expect, test } from "bun:test";
import { CancelScope } from "@catena/upstream";
import type { ChainRequest } from "../chain-request.ts";
import { ValueRecorder } from "./call-values.ts";
import { type ReplyMask, replyMask } from "./reply-mask.ts";

const request: ChainRequest = {
  id: "r",
  method: "GET",
  path: "/a",
  query: "api_key=key-of-mine&page=2",
  clientAddress: "192.0.2.1",
  params: {},
  header: () => null,
  headerList: () => ["authorization", "Bearer my-secret", "accept", "text/html"],
  bodyBytes: async () => new Uint8Array(),
  bodyText: async () => "",
  deadlineAt: Number.POSITIVE_INFINITY,
  cancel: new CancelScope(),
};

const mask = (body: ReplyMask["body"], ...headers: readonly string[]): ReplyMask => ({
  body,
  headers: new Set(headers),
});

describe("the client's own reply is shown", () => {
  const headers = ["content-type", "application/json", "set-cookie", "sid=fresh-one", "x-a", "b"];

  test("with what is named like a secret masked, and secrets of the request", () => {
    const recorder = new ValueRecorder(request);
    const body = '{"n":12345678901234567890,"token":"t-1234","note":"my-secret of sid=fresh-one"}';
    expect(recorder.ownReply(headers, body, mask(false))).toEqual({
      headers: { "content-type": "application/json", "set-cookie": "(secret)", "x-a": "b" },
      body: '{"n":12345678901234567890,"token":"(secret)","note":"(secret) of (secret)"}',
    });
    expect(recorder.text("GET /x?api_key=1&q=my-secret")).toBe(
      "GET /x?api_key=(secret)&q=(secret)",
    );
  });

  test("with what is derived from one masked, part by part or as a whole", () => {
    const recorder = new ValueRecorder(request);
    const own = mask(new Map([["own", true]]), "x-own");
    expect(recorder.ownReply(["X-Own", "MY-SECRET"], "", own).headers).toEqual({
      "x-own": "(secret)",
    });
    expect(recorder.ownReply([], '{"own":"MY-SECRET","n":1}', own).body).toBe(
      '{"own":"(secret)","n":1}',
    );
    expect(recorder.ownReply([], '{"a":1}', mask(true)).body).toBe("(7 characters)");
  });

  test("up to its bounds", () => {
    const recorder = new ValueRecorder(request, { bodyChars: 8, requestChars: 10 });
    expect(recorder.ownReply([], '{"a":123}', mask(false)).body).toBe("(9 characters)");
    expect(recorder.ownReply([], '{"a":12}', mask(false)).body).toBe('{"a":12}');
    expect(recorder.ownReply([], '{"a":1}', mask(false)).body).toBe("(7 characters)");
  });
});

describe("what of a reply is derived from a secret", () => {
  const secret = { $ref: ["input", "headers", "authorization"] };
  const upper = { $op: "upper", args: [secret] };
  const steps = [
    { name: "own", value: upper },
    {
      name: "got",
      call: { uri: "http://a", method: "GET", path: "/{id}", params: { id: secret } },
    },
    { name: "plain", call: { uri: "http://a", method: "GET", path: "/x" } },
  ];

  test.each<[string, object, ReplyMask]>([
    [
      "some of its headers",
      { reply: { headers: { "X-Own": upper, "x-plain": "1" } } },
      mask(false, "x-own"),
    ],
    [
      "some of its members",
      { reply: { body: { a: { $ref: ["own"] }, b: { $ref: ["plain", "x"] } } } },
      mask(new Map([["a", true]])),
    ],
    ["nothing of it", { reply: { body: { $ref: ["plain"] } } }, mask(false)],
    ["all of it", { reply: { body: { $ref: ["got"] } } }, mask(true)],
    ["nothing that is known of what is sent on", { forward: {} }, mask(false)],
  ])("%s", (_name, end, expected) => {
    expect(replyMask({ v: 1, steps, ...end }, () => null)).toEqual(expected);
  });

  test.each([
    ["got", true],
    ["plain", false],
  ])("of the response of %s that is passed through", (stream, expected) => {
    const last = steps.filter(({ name }) => name === stream);
    expect(replyMask({ v: 1, steps: last, stream }, () => null)).toEqual(mask(expected));
  });

  test("of the answer of a step that ends the chain", () => {
    const conf = {
      v: 1,
      steps: [
        ...steps,
        { name: "out", exit: { headers: { "x-a": upper }, body: { a: { $ref: ["own"] }, b: 1 } } },
      ],
      reply: { body: 1 },
    };
    const found = ["out", null].map((exited) => replyMask(conf, () => null, exited));
    expect(found).toEqual([mask(new Map([["a", true]]), "x-a"), mask(false)]);
  });

  test("nothing is known of what is no step chain", () => {
    expect(replyMask({ services: [] }, () => null)).toEqual(mask(false));
  });
});
