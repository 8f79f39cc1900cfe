import { describe, expect, test } from "bun:test";
import { renderReply } from "@catena/server";
import type { BodyPieces, UpstreamReply } from "@catena/upstream";
import { UpstreamGatewayReply } from "./upstream-reply.ts";

const lines = { text: "X-A: 1\r\nSet-Cookie: a\r\n", isDated: true, declared: 2 };

const pieces: BodyPieces = {
  readable: new ReadableStream<Uint8Array>(),
  flow: () => undefined,
  resume: () => undefined,
  cancel: () => undefined,
};

/** A reply that has everything in its fastest form. */
function upstreamReply(more: Partial<UpstreamReply> = {}): UpstreamReply {
  return {
    status: 203,
    headers: ["X-A", "1", "Server", "nginx", "Set-Cookie", "a"],
    body: Buffer.from("ok"),
    returnedLines: () => lines,
    pieces: () => pieces,
    asciiText: () => "ok",
    ...more,
  };
}

type Touch = (reply: UpstreamGatewayReply) => void;

/** What somebody did, and what is still there in its fastest form: lines, pieces and text. */
const touches: readonly (readonly [string, Touch, boolean, boolean])[] = [
  ["the body was looked at", (reply) => void reply.body, false, false],
  [
    "the body was set",
    (reply) => {
      reply.body = "other";
    },
    false,
    false,
  ],
  [
    "the body was set to none",
    (reply) => {
      reply.body = null;
    },
    false,
    false,
  ],
  ["the headers were looked at", (reply) => void reply.headers, false, true],
  [
    "the headers were set",
    (reply) => {
      reply.headers = ["x-b", "2"];
    },
    false,
    true,
  ],
  [
    "headers were added to those that were looked at",
    (reply) => {
      void reply.headers;
      reply.addHeaders(["x-b", "2"]);
    },
    false,
    true,
  ],
  [
    "a header was added that can't be among others",
    (reply) => reply.addHeaders(["Date", "now"]),
    false,
    true,
  ],
  [
    "a header was added that is none",
    (reply) => reply.addHeaders(["x-b", "1\r\nx-c: 2"]),
    false,
    true,
  ],
  ["nobody looked", () => undefined, true, true],
  ["headers were added", (reply) => reply.addHeaders(["x-b", "2"]), true, true],
  [
    "the status was set",
    (reply) => {
      reply.status = 299;
    },
    true,
    true,
  ],
];

describe("what an upstream's reply has in its fastest form", () => {
  test.each(touches)("when %s", (_, touch, hasLines, hasBody) => {
    const reply = new UpstreamGatewayReply(upstreamReply());
    touch(reply);
    expect(reply.untouchedLines() !== null).toBe(hasLines);
    expect(reply.untouchedPieces()).toBe(hasBody ? pieces : null);
    expect(reply.untouchedText()).toBe(hasBody ? "ok" : null);
  });

  test("is nothing of a reply that does not have it", () => {
    const reply = new UpstreamGatewayReply({ status: 200, headers: [], body: null });
    expect(reply.untouchedLines()).toBeNull();
    expect(reply.untouchedPieces()).toBeNull();
    expect(reply.untouchedText()).toBeNull();
    const none = { returnedLines: () => null, pieces: () => null, asciiText: () => null };
    const other = new UpstreamGatewayReply(upstreamReply(none));
    expect(other.untouchedLines()).toBeNull();
    expect(other.untouchedPieces()).toBeNull();
    expect(other.untouchedText()).toBeNull();
  });

  test("is asked for without the headers and the body being made", () => {
    const asked: string[] = [];
    const reply = new UpstreamGatewayReply({
      ...upstreamReply(),
      get headers(): readonly string[] {
        asked.push("headers");
        return [];
      },
      get body(): null {
        asked.push("body");
        return null;
      },
    });
    asked.length = 0;
    reply.addHeaders(["x-b", "2"]);
    reply.untouchedLines();
    reply.untouchedPieces();
    reply.untouchedText();
    expect(asked).toEqual([]);
  });
});

describe("headers that are added", () => {
  const added: readonly (readonly [string, Touch, string])[] = [
    ["before anybody looks", (reply) => reply.addHeaders(["x-b", "2", "x-c", "3"]), "x-b x-c"],
    [
      "in parts",
      (reply) => {
        reply.addHeaders(["x-b", "2"]);
        reply.addHeaders(["x-c", "3"]);
      },
      "x-b x-c",
    ],
    [
      "before and after somebody looked",
      (reply) => {
        reply.addHeaders(["x-b", "2"]);
        void reply.headers;
        reply.addHeaders(["x-c", "3"]);
      },
      "x-b x-c",
    ],
  ];

  test.each(added)("stand behind the upstream's, in their order: %s", (_, touch, names) => {
    const listed = new UpstreamGatewayReply(upstreamReply());
    touch(listed);
    const isEven = (_name: string, at: number) => at % 2 === 0;
    expect(listed.headers.filter(isEven).join(" ")).toBe(`x-a set-cookie ${names}`);
    // As many times as it is asked for.
    expect(listed.headers.filter(isEven).join(" ")).toBe(`x-a set-cookie ${names}`);
    const worded = new UpstreamGatewayReply(upstreamReply());
    touch(worded);
    const text = worded.untouchedLines()?.text;
    if (text !== undefined) expect(text).toBe("X-A: 1\r\nSet-Cookie: a\r\nx-b: 2\r\nx-c: 3\r\n");
  });

  test("leave what the upstream's lines say of date and length", () => {
    const reply = new UpstreamGatewayReply(upstreamReply());
    reply.addHeaders(["x-b", "2"]);
    expect(reply.untouchedLines()).toMatchObject({ isDated: true, declared: 2 });
  });

  test("leave the list they came in alone", () => {
    const list = ["x-b", "2"];
    const reply = new UpstreamGatewayReply(upstreamReply());
    reply.addHeaders(list);
    reply.addHeaders(["x-c", "3"]);
    void reply.headers;
    reply.addHeaders(["x-d", "4"]);
    expect(list).toEqual(["x-b", "2"]);
  });

  test("are gone with all others when the headers are set", () => {
    const reply = new UpstreamGatewayReply(upstreamReply());
    reply.addHeaders(["x-b", "2"]);
    reply.headers = ["x-only", "1"];
    expect(reply.headers).toEqual(["x-only", "1"]);
  });
});

test("what is sent is the same whether somebody looked or not, but for the case of names", () => {
  const identity = { serverHeader: "us" };
  const untouched = new UpstreamGatewayReply(upstreamReply());
  const listed = new UpstreamGatewayReply(upstreamReply());
  void listed.headers;
  for (const reply of [untouched, listed]) reply.addHeaders(["x-b", "2"]);
  const fast = renderReply(untouched, identity);
  const slow = renderReply(listed, identity);
  expect(slow.words.toLowerCase()).toBe(fast.words.toLowerCase());
  expect([slow.status, slow.body, slow.pieces, slow.isPassedOn]).toEqual([
    fast.status,
    fast.body,
    fast.pieces,
    fast.isPassedOn,
  ]);
});

describe("trailers", () => {
  test("are none of an upstream that has none", () => {
    expect(new UpstreamGatewayReply(upstreamReply()).trailers).toBeUndefined();
  });

  test("are the upstream's when they are asked for, not before", () => {
    let arrived: readonly string[] = [];
    const { trailers } = new UpstreamGatewayReply(upstreamReply({ trailers: () => arrived }));
    expect(trailers?.()).toEqual([]);
    arrived = ["grpc-status", "0"];
    expect(trailers?.()).toEqual(["grpc-status", "0"]);
  });
});
