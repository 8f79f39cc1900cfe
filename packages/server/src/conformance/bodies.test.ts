import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { isGatewayError } from "@catena/errors";
import type { ServerRequest } from "../server-request.ts";
import { get, head, post } from "./read-case.ts";
import { IN_FLIGHT, ok, type Served, serve, standsStill, turns, untilSettled } from "./served.ts";

const KILOBYTE = 1024;
const MEGABYTE = 1024 * KILOBYTE;
const LIMIT = 16 * MEGABYTE;

let served: Served;
beforeEach(() => {
  served = serve(() => ok());
});
afterEach(() => served.stop());

const bytesOf = (length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8)) & 0x7f;
  return bytes;
};

const inChunks = (bytes: Buffer, size: number): Buffer => {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n"));
  }
  return Buffer.concat([...parts, Buffer.from("0\r\n\r\n")]);
};

/** Every way to read a body, each to its digest. */
const readers: readonly (readonly [string, (request: ServerRequest) => Promise<string>])[] = [
  ["text", async (request) => digest(Buffer.from(await request.readText(LIMIT)))],
  ["bytes", async (request) => digest(await request.readBytes(LIMIT))],
  [
    "a stream",
    async (request) => {
      const { body } = request;
      return digest(body === null ? Buffer.alloc(0) : await new Response(body).bytes());
    },
  ],
  [
    "text that is asked for late",
    async (request) => {
      await turns(5);
      return digest(Buffer.from(await request.readText(LIMIT)));
    },
  ],
  [
    "a stream that is asked for late",
    async (request) => {
      await turns(5);
      const { body } = request;
      return digest(body === null ? Buffer.alloc(0) : await new Response(body).bytes());
    },
  ],
];

function digest(bytes: Uint8Array): string {
  return `${bytes.byteLength} ${Bun.hash(bytes)}`;
}

describe.each(readers)("a body as %s", (_name, read) => {
  beforeEach(() => {
    served.answer = async (request) => ok(await read(request));
  });

  test.each([0, 1, 64 * KILOBYTE, MEGABYTE, 10 * MEGABYTE])(
    "of %d bytes, length told",
    async (length) => {
      const bytes = bytesOf(length);
      const client = await served.send(post("/", `Content-Length: ${length}`));
      client.write(bytes);
      client.write(get("/behind"));
      const replies = await client.answered(2);
      expect(replies.map(({ body }) => body)).toEqual([digest(bytes), digest(Buffer.alloc(0))]);
    },
  );

  test.each([
    [0, 1],
    [1, 1],
    [64 * KILOBYTE, 1_000],
    [MEGABYTE, 70_000],
    [10 * MEGABYTE, MEGABYTE],
  ])("of %d bytes in chunks of %d", async (length, size) => {
    const bytes = bytesOf(length);
    const client = await served.send(post("/", "Transfer-Encoding: chunked"));
    client.write(inChunks(bytes, size));
    client.write(get("/behind"));
    const replies = await client.answered(2);
    expect(replies.map(({ body }) => body)).toEqual([digest(bytes), digest(Buffer.alloc(0))]);
  });
});

test("text that is no UTF-8 is refused, and nothing is lost of one that has U+FFFD", async () => {
  served.answer = async (request) => ok(await request.readText(100));
  const client = await served.send(`${post("/", "Content-Length: 2")}a\xff`);
  client.write(post("/", "Content-Length: 3"));
  client.write(Buffer.from("\uFFFD"));
  const [refused, sound] = await client.answered(2);
  expect([refused?.status, served.errors]).toEqual([400, ["REQUEST_NOT_UTF8"]]);
  expect(Buffer.from(sound?.body ?? "", "latin1").toString()).toBe("\uFFFD");
});

test("pieces of a stream come as they arrive", async () => {
  const pieces: string[] = [];
  served.answer = async ({ body }) => {
    for await (const piece of body ?? []) pieces.push(Buffer.from(piece).toString());
    return ok();
  };
  const client = await served.send(post("/", "Transfer-Encoding: chunked"));
  for (const piece of ["one", "two"]) {
    client.write(`3\r\n${piece}\r\n`);
    await untilSettled(() => pieces.at(-1) === piece);
  }
  client.write("0\r\n\r\n");
  expect(await client.answered(1)).toHaveLength(1);
});

describe("a body over the limit of its reader", () => {
  beforeEach(() => {
    served.answer = async (request) => ok(String((await request.readBytes(10)).byteLength));
  });

  test("is refused before it is read when its length is told", async () => {
    const client = await served.send(post("/", "Content-Length: 11"));
    expect((await client.answered(1)).map(({ status }) => status)).toEqual([413]);
    expect(served.errors).toEqual(["REQUEST_TOO_LARGE"]);
  });

  test("is refused when there was more of it than that, in chunks", async () => {
    const client = await served.send(
      `${post("/", "Transfer-Encoding: chunked")}6\r\nsixsix\r\n6\r\nsixsi`,
    );
    const replies = await client.ended();
    expect(replies.map(({ status, headers }) => [status, headers["connection"]])).toEqual([
      [413, "close"],
    ]);
  });

  test.each([
    ["Content-Length: 10", "0123456789"],
    ["Transfer-Encoding: chunked", "a\r\n0123456789\r\n0\r\n\r\n"],
  ])("but one of just the limit is read: %s", async (line, body) => {
    const client = await served.send(post("/", line) + body);
    expect((await client.answered(1))[0]?.body).toBe("10");
  });

  test("even if it is here already", async () => {
    const client = await served.send(`${post("/", "Content-Length: 11")}12345678901${get("/2")}`);
    expect((await client.answered(2)).map(({ status }) => status)).toEqual([413, 200]);
  });
});

describe("a body that nobody reads", () => {
  test.each([
    ["is read over when little is left", 200 * KILOBYTE, true],
    ["ends the connection when much is left", 300 * KILOBYTE, false],
  ])("%s", async (_name, length, isKept) => {
    const client = await served.send(post("/", `Content-Length: ${length}`));
    const [first] = await client.answered(1);
    expect(first?.headers["connection"]).toBe(isKept ? undefined : "close");
    client.write(Buffer.alloc(length));
    client.write(get("/behind"));
    const replies = isKept ? await client.answered(2) : await client.ended();
    expect(replies.map(({ status }) => status)).toEqual(isKept ? [200, 200] : [200]);
  });

  test("in chunks ends the connection, since its length is not known", async () => {
    const client = await served.send(`${post("/", "Transfer-Encoding: chunked")}1\r\na\r\n`);
    const [reply] = await client.ended();
    expect(reply?.headers["connection"]).toBe("close");
  });

  test("in chunks that are all here does not", async () => {
    served.answer = async () => ok();
    const client = await served.send(
      `${post("/", "Transfer-Encoding: chunked")}1\r\na\r\n0\r\n\r\n${get("/2")}`,
    );
    expect((await client.answered(2)).map(({ status }) => status)).toEqual([200, 200]);
  });

  test("does not take the reply with it: a client that sends on gets 5 MB whole", async () => {
    const large = Buffer.alloc(5 * MEGABYTE, "x");
    served.answer = () => ok(large);
    const client = await served.send(post("/", `Content-Length: ${100 * MEGABYTE}`));
    client.write(Buffer.alloc(20 * MEGABYTE));
    const [reply] = await client.ended();
    expect([reply?.status, reply?.isWhole, reply?.body.length]).toEqual([200, true, 5 * MEGABYTE]);
  });

  test("nor when it is broken after the reply", async () => {
    const client = await served.send(post("/", "Content-Length: 10"));
    await client.answered(1);
    client.write(`0123456789garbage\r\n\r\n${get("/behind")}`);
    const replies = await client.ended();
    expect(replies.map(({ status }) => status)).toEqual([200, 400]);
  });
});

describe("a client that sends 100 MB", () => {
  const send = async () => {
    const client = await served.send(post("/", `Content-Length: ${100 * MEGABYTE}`));
    client.write(Buffer.alloc(100 * MEGABYTE));
    return client;
  };

  test("to nobody fills the kernel's buffers and no more, then is read", async () => {
    const gate = Promise.withResolvers<void>();
    let bytes = 0;
    served.answer = async ({ body }) => {
      await gate.promise;
      for await (const piece of body ?? []) bytes += piece.byteLength;
      return ok(String(bytes));
    };
    const client = await send();
    await standsStill(() => client.sentBytes);
    expect(client.sentBytes).toBeLessThan(IN_FLIGHT);
    gate.resolve();
    expect((await client.answered(1))[0]?.body).toBe(String(100 * MEGABYTE));
  });

  test("to a slow reader of a stream is held back by it", async () => {
    const gate = Promise.withResolvers<void>();
    let read = 0;
    served.answer = async ({ body }) => {
      for await (const piece of body ?? []) {
        read += piece.byteLength;
        if (read < 2 * MEGABYTE) await gate.promise;
      }
      return ok(String(read));
    };
    const client = await send();
    await standsStill(() => client.sentBytes);
    expect(client.sentBytes).toBeLessThan(IN_FLIGHT);
    expect(read).toBeLessThan(MEGABYTE);
    gate.resolve();
    expect((await client.answered(1))[0]?.body).toBe(String(100 * MEGABYTE));
  });

  test("to a reader with a limit is refused after some of it, and may go", async () => {
    served.answer = async (request) => ok(String((await request.readBytes(MEGABYTE)).byteLength));
    const client = await send();
    const [reply] = await client.ended();
    expect(reply?.status).toBe(413);
    client.reset();
  });

  test("to a stream that is given up is told so, and gets its reply", async () => {
    served.answer = async ({ body }) => {
      await body?.cancel();
      return ok("enough");
    };
    const client = await send();
    expect((await client.ended())[0]?.body).toBe("enough");
  });
});

describe("a client that goes away within a body", () => {
  const codes = async (bytes: string, leave: "reset" | "close" | "endSending") => {
    const seen: string[] = [];
    const note = (error: unknown) => seen.push(isGatewayError(error) ? error.code : String(error));
    served.answer = async (request) => {
      await request.readBytes(LIMIT).catch(note);
      return ok();
    };
    const client = await served.send(bytes);
    await untilSettled(() => served.requests.length > 0);
    client[leave]();
    await untilSettled(() => seen.length > 0);
    return seen;
  };

  for (const leave of ["reset", "close", "endSending"] as const) {
    test.each([
      ["of a length", `${post("/", "Content-Length: 10")}123`],
      ["in chunks", `${post("/", "Transfer-Encoding: chunked")}3\r\nabc\r\n`],
      ["of which nothing came", post("/", "Content-Length: 10")],
    ])(`%s, by ${leave}: REQUEST_BODY_LOST`, async (_name, bytes) => {
      expect(await codes(bytes, leave)).toEqual(["REQUEST_BODY_LOST"]);
    });
  }

  test("fails a stream in the same way", async () => {
    const seen: unknown[] = [];
    served.answer = async ({ body }) => {
      try {
        for await (const piece of body ?? []) seen.push(Buffer.from(piece).toString());
      } catch (error) {
        seen.push(isGatewayError(error) ? error.code : error);
      }
      return ok();
    };
    const client = await served.send(`${post("/", "Content-Length: 10")}123`);
    await untilSettled(() => seen.length > 0);
    client.reset();
    await untilSettled(() => seen.length > 1);
    expect(seen).toEqual(["123", "REQUEST_BODY_LOST"]);
  });
});

describe("a body that is broken behind its beginning", () => {
  const broken = `${post("/", "Transfer-Encoding: chunked")}1\r\na\r\nbroken\r\n${get("/behind")}`;

  test("fails its reader, and what is behind it is not answered", async () => {
    served.answer = async (request) => ok(await request.readText(LIMIT));
    const client = await served.send(broken);
    expect((await client.ended()).map(({ status }) => status)).toEqual([400]);
    expect([served.errors, served.requests.length]).toEqual([["REQUEST_BODY_LOST"], 1]);
  });

  test("fails a reader that comes late", async () => {
    served.answer = async (request) => {
      await turns(5);
      return ok(await request.readText(LIMIT));
    };
    const client = await served.send(broken);
    expect((await client.ended()).map(({ status }) => status)).toEqual([400]);
  });

  test("fails a stream that comes late", async () => {
    served.answer = async (request) => {
      await turns(5);
      return ok(await new Response(request.body).text());
    };
    const client = await served.send(broken);
    expect((await client.ended()).map(({ status }) => status)).toEqual([400]);
  });

  test("ends the connection behind a reply that did not ask for it", async () => {
    served.answer = async () => {
      await turns(5);
      return ok();
    };
    const client = await served.send(broken);
    const [reply, ...more] = await client.ended();
    expect([reply?.status, reply?.headers["connection"], more]).toEqual([200, "close", []]);
  });
});

describe("Expect: 100-continue", () => {
  const expects = (length: number) =>
    post("/", "Expect: 100-continue", `Content-Length: ${length}`);

  test("is answered when the body is asked for", async () => {
    const gate = Promise.withResolvers<void>();
    served.answer = async (request) => {
      await gate.promise;
      return ok(await request.readText(LIMIT));
    };
    const client = await served.send(expects(2));
    await untilSettled(() => served.requests.length > 0);
    await turns(20);
    expect(client.received).toBe("");
    gate.resolve();
    await client.until(() => client.received !== "");
    expect(client.received).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    client.write(`hi${get("/2")}`);
    expect((await client.answered(2)).map(({ body }) => body)).toEqual(["hi", ""]);
    expect(client.replies().map(({ status }) => status)).toEqual([100, 200, 200]);
  });

  test("is answered when a stream is asked for", async () => {
    served.answer = async ({ body }) => ok(await new Response(body).text());
    const client = await served.send(expects(2));
    await client.until(() => client.received !== "");
    client.write("hi");
    await client.answered(1);
    expect(client.replies().map(({ status, body }) => [status, body])).toEqual([
      [100, ""],
      [200, "hi"],
    ]);
  });

  test("is not answered to a client that does not wait", async () => {
    served.answer = async (request) => {
      await turns(5);
      return ok(await request.readText(LIMIT));
    };
    const client = await served.send(`${expects(2)}hi${get("/2")}`);
    await client.answered(2);
    expect(client.replies().map(({ status }) => status)).toEqual([200, 200]);
  });

  test.each([
    ["without having read it", () => ok("early")],
    ["for its length", async (request: ServerRequest) => ok(await request.readText(1))],
  ])(
    "is not answered when the reply comes first, %s; then the connection ends",
    async (_name, answer) => {
      served.answer = answer;
      const client = await served.send(expects(2));
      const replies = await client.ended();
      expect(replies).toHaveLength(1);
      expect(replies[0]?.status).toBe(replies[0]?.body === "early" ? 200 : 413);
      expect(replies[0]?.headers["connection"]).toBe("close");
    },
  );

  test("is not answered within a reply: a reader that comes too late gets nothing", async () => {
    const gate = Promise.withResolvers<void>();
    let late: Promise<unknown> = Promise.resolve();
    served.answer = (request) => {
      late = gate.promise.then(() => request.readText(LIMIT)).catch(() => "nothing");
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(Buffer.from("one")),
        async pull(controller) {
          gate.resolve();
          await turns(5);
          controller.enqueue(Buffer.from("two"));
          controller.close();
        },
      });
      return ok(body);
    };
    const client = await served.send(expects(2));
    const replies = await client.ended();
    expect(replies.map(({ status, body }) => [status, body])).toEqual([[200, "onetwo"]]);
    client.close();
    expect(await late).toBe("nothing");
  });

  test("with another value is refused with 417", async () => {
    const client = await served.send(post("/", "Expect: x", "Content-Length: 2"));
    expect((await client.ended()).map(({ status }) => status)).toEqual([417]);
  });

  test("means nothing to HTTP/1.0", async () => {
    served.answer = async (request) => ok(await request.readText(LIMIT));
    const client = await served.send(
      `${head("POST / HTTP/1.0", "Expect: 100-continue", "Content-Length: 2")}hi`,
    );
    expect((await client.ended()).map(({ status, body }) => [status, body])).toEqual([[200, "hi"]]);
  });
});
