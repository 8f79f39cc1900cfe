import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { isGatewayError } from "@catena/errors";
import { get, head, post } from "./read-case.ts";
import { ok, type Served, serve, standsStill, turns, untilSettled } from "./served.ts";

const LIMIT = 16 * 1024 * 1024;

let served: Served;
beforeEach(() => {
  served = serve(({ head: { target } }) => ok(target));
});
afterEach(() => served.stop());

describe("a connection goes on behind a reply", () => {
  test("for as many requests as come", async () => {
    const client = await served.connect();
    for (let i = 1; i <= 50; i++) {
      client.write(get(`/${i}`));
      expect((await client.answered(i)).at(-1)?.body).toBe(`/${i}`);
    }
    expect(served.server.openCount).toBe(1);
  });

  const closing: readonly (readonly [string, string, boolean])[] = [
    ["HTTP/1.1", get("/"), true],
    ["HTTP/1.1 with close", get("/", "Connection: close"), false],
    ["HTTP/1.1 with keep-alive", get("/", "Connection: keep-alive"), true],
    ["HTTP/1.0", head("GET / HTTP/1.0"), false],
    ["HTTP/1.0 with keep-alive", head("GET / HTTP/1.0", "Connection: keep-alive"), true],
    ["HTTP/1.0 with close", head("GET / HTTP/1.0", "Connection: close"), false],
  ];
  test.each(closing)("of %s", async (_name, bytes, goesOn) => {
    const client = await served.send(bytes + get("/behind"));
    const replies = goesOn ? await client.answered(2) : await client.ended();
    expect(replies.map(({ body }) => body)).toEqual(goesOn ? ["/", "/behind"] : ["/"]);
    expect(replies[0]?.headers["connection"]).toBe(
      !goesOn ? "close" : bytes.includes("HTTP/1.0") ? "keep-alive" : undefined,
    );
  });

  test("unless we are about to stop, which is looked at for each", async () => {
    const client = await served.send(get("/1"));
    await client.answered(1);
    served.replies.closing = true;
    client.write(get("/2") + get("/3"));
    const replies = await client.ended();
    expect(replies.map(({ body, headers }) => [body, headers["connection"]])).toEqual([
      ["/1", undefined],
      ["/2", "close"],
    ]);
  });
});

describe("a client that leaves while its request is worked on", () => {
  const watched = async (leave: "reset" | "close" | "endSending") => {
    let gone = 0;
    const gate = Promise.withResolvers<void>();
    served.answer = async (request) => {
      request.watch(() => {
        gone += 1;
      });
      await gate.promise;
      return ok();
    };
    const client = await served.send(get("/") + get("/behind"));
    await untilSettled(() => served.requests.length > 0);
    client[leave]();
    await untilSettled(() => gone > 0);
    gate.resolve();
    await turns(20);
    expect([gone, served.requests.length]).toEqual([1, 1]);
  };

  test("by a reset is told once", () => watched("reset"));
  test("by closing is told once", () => watched("close"));
  // As nginx does for a proxied request without proxy_ignore_client_abort.
  test("by closing its side alone is told as well", () => watched("endSending"));

  test("is not told when nobody watches any more", async () => {
    let gone = 0;
    const gate = Promise.withResolvers<void>();
    served.answer = async (request) => {
      request.watch(() => {
        gone += 1;
      });
      request.unwatch();
      await gate.promise;
      return ok();
    };
    const client = await served.send(get("/"));
    await untilSettled(() => served.requests.length > 0);
    client.reset();
    await untilSettled(() => served.server.openCount === 0);
    gate.resolve();
    await turns(5);
    expect(gone).toBe(0);
  });

  test("is told at once to who begins to watch late", async () => {
    const gate = Promise.withResolvers<void>();
    let gone = 0;
    served.answer = async (request) => {
      await gate.promise;
      request.watch(() => {
        gone += 1;
      });
      return ok();
    };
    const client = await served.send(get("/"));
    await untilSettled(() => served.requests.length > 0);
    client.reset();
    await untilSettled(() => served.server.openCount === 0);
    gate.resolve();
    await untilSettled(() => gone > 0);
    expect(gone).toBe(1);
  });

  test("is not told of a request that was answered", async () => {
    let gone = 0;
    served.answer = async (request) => {
      request.watch(() => {
        gone += 1;
      });
      return ok();
    };
    const client = await served.send(get("/"));
    await client.answered(1);
    client.reset();
    await untilSettled(() => served.server.openCount === 0);
    expect(gone).toBe(0);
  });
});

test("a client that closes its side gets a reply that is given at once", async () => {
  const client = await served.send(get("/"));
  client.endSending();
  expect((await client.ended()).map(({ body }) => body)).toEqual(["/"]);
});

test("connections that never say a word, or half of one, go when their clients do", async () => {
  for (const bytes of ["", "GET", get("/").slice(0, -2), post("/", "Content-Length: 5")]) {
    const client = await served.send(bytes);
    await untilSettled(() => served.server.openCount === 1);
    client.reset();
    await untilSettled(() => served.server.openCount === 0);
  }
});

describe("stopping", () => {
  test("in order closes what is idle at once, and lets requests end", async () => {
    const gate = Promise.withResolvers<void>();
    served.answer = async ({ head: { target } }) => {
      if (target === "/slow") await gate.promise;
      return ok(target);
    };
    const silent = await served.connect();
    const idle = await served.send(get("/idle"));
    const busy = await served.send(get("/slow") + get("/behind"));
    const half = await served.send(get("/half").slice(0, 20));
    await idle.answered(1);
    await untilSettled(() => served.server.openCount === 4);
    await untilSettled(() => served.requests.length === 2);
    await turns(20);
    let isStopped = false;
    const stopped = served.server.stop(false).then(() => {
      isStopped = true;
    });
    await Promise.all([silent.ended(), idle.ended()]);
    expect([isStopped, busy.hasEnded, half.hasEnded]).toEqual([false, false, false]);
    half.write(get("/half").slice(20));
    const [late] = await half.ended();
    expect([late?.body, late?.headers["connection"]]).toEqual(["/half", "close"]);
    gate.resolve();
    const replies = await busy.ended();
    expect(replies.map(({ body, headers }) => [body, headers["connection"]])).toEqual([
      ["/slow", "close"],
    ]);
    for (const client of [silent, idle, busy, half]) client.close();
    await stopped;
    expect(served.server.openCount).toBe(0);
    await expect(served.connect()).rejects.toBeInstanceOf(Error);
  });

  test("by force drops everything", async () => {
    let lost = "";
    served.answer = async (request) => {
      if (request.head.target === "/slow") await new Promise(() => undefined);
      await request.readBytes(LIMIT).catch((error) => {
        lost = isGatewayError(error) ? error.code : String(error);
      });
      return ok();
    };
    const clients = [
      await served.connect(),
      await served.send(get("/slow")),
      await served.send(get("/half").slice(0, 20)),
      await served.send(post("/upload", "Content-Length: 100")),
    ];
    await untilSettled(() => served.requests.length === 2 && served.server.openCount === 4);
    await served.server.stop(true);
    expect(served.server.openCount).toBe(0);
    await untilSettled(() => lost !== "");
    expect(lost).toBe("REQUEST_BODY_LOST");
    for (const client of clients) expect(await client.ended()).toEqual([]);
  });

  test("by force ends what stopping in order waits for", async () => {
    served.answer = () => new Promise(() => undefined);
    await served.send(get("/"));
    await untilSettled(() => served.requests.length === 1);
    const inOrder = served.server.stop(false);
    await served.server.stop(true);
    await inOrder;
    expect(served.server.openCount).toBe(0);
  });
});

describe("time", () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** Lets time pass, and what it causes happen. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 1_000) {
      jest.advanceTimersByTime(Math.min(left, 1_000));
      await turns(1);
    }
    await turns(10);
  };

  test("a connection without a request is closed after a minute", async () => {
    const silent = await served.connect();
    const idle = await served.send(get("/"));
    await idle.answered(1);
    await untilSettled(() => served.server.openCount === 2);
    await pass(58_000);
    expect([silent.hasEnded, idle.hasEnded]).toEqual([false, false]);
    await pass(3_000);
    expect(await silent.ended()).toEqual([]);
    expect(await idle.ended()).toHaveLength(1);
  });

  test("a head that does not end is answered with 408 after a minute, however it trickles", async () => {
    const client = await served.send("GET / HTTP/1.1\r\n");
    for (let i = 0; i < 6; i++) {
      await pass(10_000);
      client.write(`x-${i}: 1\r\n`);
    }
    await pass(3_000);
    const replies = await client.ended();
    expect(replies.map(({ status, headers }) => [status, headers["connection"]])).toEqual([
      [408, "close"],
    ]);
  });

  test("a body that stops is lost after a minute without a byte, not while it comes", async () => {
    served.answer = async (request) => ok(await request.readText(LIMIT));
    const client = await served.send(post("/", "Content-Length: 10"));
    for (let i = 0; i < 5; i++) {
      await pass(50_000);
      client.write("x");
      await turns(5);
    }
    expect(served.errors).toEqual([]);
    await pass(62_000);
    const [reply] = await client.answered(1);
    expect([reply?.status, served.errors]).toEqual([400, ["REQUEST_BODY_LOST"]]);
  });

  test("a request that takes an hour is not ended", async () => {
    const gate = Promise.withResolvers<void>();
    served.answer = async () => {
      await gate.promise;
      return ok("late");
    };
    const client = await served.send(get("/"));
    await untilSettled(() => served.requests.length === 1);
    await pass(3_600_000);
    gate.resolve();
    expect((await client.answered(1))[0]?.body).toBe("late");
  });

  test("a body that we are slow to read is not lost", async () => {
    const gate = Promise.withResolvers<void>();
    served.answer = async (request) => {
      await gate.promise;
      return ok(String((await request.readBytes(LIMIT)).byteLength));
    };
    const client = await served.send(post("/", `Content-Length: ${LIMIT}`));
    client.write(Buffer.alloc(LIMIT));
    await untilSettled(() => served.requests.length === 1);
    await turns(50);
    await pass(600_000);
    gate.resolve();
    expect((await client.answered(1))[0]?.body).toBe(String(LIMIT));
  });

  test("a client that takes nothing for a minute is dropped", async () => {
    let cancelled = false;
    const piece = Buffer.alloc(1024 * 1024);
    served.answer = ({ head: { target } }) =>
      target === "/bytes"
        ? ok(Buffer.alloc(64 * piece.length))
        : ok(
            new ReadableStream<Uint8Array>({
              pull: (controller) => controller.enqueue(piece),
              cancel: () => {
                cancelled = true;
              },
            }),
          );
    for (const target of ["/bytes", "/stream"]) {
      const client = await served.connect(false);
      client.pause();
      client.write(get(target));
    }
    await untilSettled(() => served.requests.length === 2);
    await turns(200);
    await pass(58_000);
    expect(served.server.openCount).toBe(2);
    await pass(5_000);
    expect([served.server.openCount, cancelled]).toEqual([0, true]);
  });

  test("a stream that is silent for an hour is not ended", async () => {
    const gate = Promise.withResolvers<void>();
    served.answer = () =>
      ok(
        new ReadableStream<Uint8Array>({
          async start(controller) {
            controller.enqueue(Buffer.from("one"));
            await gate.promise;
            controller.enqueue(Buffer.from("two"));
            controller.close();
          },
        }),
      );
    const client = await served.send(get("/"));
    await client.until(() => client.received.includes("one"));
    await pass(3_600_000);
    gate.resolve();
    expect((await client.answered(1))[0]?.body).toBe("onetwo");
  });

  test.each([
    ["behind a write that had to wait", get("/", "Connection: close"), 8 * 1024 * 1024],
    [
      "behind a body that is not read to its end",
      `${post("/", "Transfer-Encoding: chunked")}1\r\na\r\n`,
      1,
    ],
  ])("nor is the last one of a connection, %s", async (_name, bytes, first) => {
    const gate = Promise.withResolvers<void>();
    served.answer = async ({ body }) => {
      await body?.getReader().read();
      return ok(
        new ReadableStream<Uint8Array>({
          async start(controller) {
            controller.enqueue(Buffer.alloc(first, "x"));
            await gate.promise;
            controller.enqueue(Buffer.from("end"));
            controller.close();
          },
        }),
      );
    };
    const client = await served.connect();
    client.pause();
    client.write(bytes);
    await untilSettled(() => served.requests.length === 1);
    await turns(50);
    client.resume();
    await client.until(() => client.receivedBytes > first);
    await pass(600_000);
    gate.resolve();
    const [reply] = await client.ended();
    expect([reply?.isWhole, reply?.body.length]).toEqual([true, first + 3]);
  });

  test("an upload that we are slow to read survives a reply that had to wait", async () => {
    const gate = Promise.withResolvers<void>();
    let read = 0;
    const size = 200 * 1024;
    served.answer = ({ body }) =>
      ok(
        new ReadableStream<Uint8Array>({
          async start(controller) {
            controller.enqueue(Buffer.alloc(8 * 1024 * 1024, "x"));
            await gate.promise;
            for await (const piece of body ?? []) read += piece.byteLength;
            controller.close();
          },
        }),
      );
    const client = await served.connect();
    client.pause();
    client.write(post("/", `Content-Length: ${size}`));
    client.write(Buffer.alloc(size));
    await untilSettled(() => served.requests.length === 1);
    await turns(50);
    client.resume();
    await client.until(() => client.receivedBytes > 8 * 1024 * 1024);
    await pass(600_000);
    gate.resolve();
    const [reply] = await client.answered(1);
    expect([reply?.isWhole, read]).toEqual([true, size]);
  });

  test("a client that goes on sending behind the last reply is dropped after 5 s", async () => {
    const client = await served.send(`${post("/", "Content-Length: 1000000")}x`);
    const [reply] = await client.ended();
    expect(reply?.headers["connection"]).toBe("close");
    client.write("more");
    await pass(4_000);
    expect(served.server.openCount).toBe(1);
    await pass(3_000);
    expect(served.server.openCount).toBe(0);
  });

  test("a client that does not close its side behind the last reply is dropped", async () => {
    const client = await served.send(get("/", "Connection: close"));
    await client.ended();
    await pass(7_000);
    expect(served.server.openCount).toBe(0);
  });
});

test("a thousand connections that come and go leave nothing", async () => {
  for (let round = 0; round < 10; round++) {
    const clients = await Promise.all(Array.from({ length: 100 }, () => served.send(get("/"))));
    for (const [i, client] of clients.entries()) {
      if (i % 3 === 0) client.reset();
      else if (i % 3 === 1) client.close();
      else await client.answered(1);
    }
    for (const client of clients) client.close();
  }
  await untilSettled(() => served.server.openCount === 0);
  await standsStill(() => served.requests.length);
  expect(served.server.openCount).toBe(0);
});
