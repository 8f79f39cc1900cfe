import { describe, expect, test } from "bun:test";
import { readUpArguments } from "./arguments.ts";
import { findListenProblem, otherAddress } from "./check-address.ts";
import { formatExchange } from "./show-request.ts";
import { Teardown } from "./teardown.ts";

describe("readUpArguments", () => {
  test("has the documented addresses as defaults", () => {
    expect(readUpArguments([], {})).toMatchObject({
      isEtcd: false,
      isOnce: false,
      listen: "127.0.0.1:9080",
      adminListen: "127.0.0.1:9180",
      controlListen: "127.0.0.1:9090",
    });
  });

  test("takes addresses and CI from the environment", () => {
    expect(
      readUpArguments(["--etcd"], {
        CI: "1",
        CATENA_LISTEN: "127.0.0.1:1",
        CATENA_UP_FOLDER: "/d",
      }),
    ).toMatchObject({ isEtcd: true, isOnce: true, listen: "127.0.0.1:1", folder: "/d" });
  });

  test("refuses what it does not know", () => {
    expect(readUpArguments(["--etcdd"], {})).toBeNull();
  });
});

describe("findListenProblem", () => {
  test("finds none for an address that is free", () => {
    const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const address = `127.0.0.1:${listener.port}`;
    expect(findListenProblem(address)).toBe("is taken by another program");
    listener.stop(true);
    expect(findListenProblem(address)).toBeNull();
  });

  test.each(["9080", "127.0.0.1:http", "127.0.0.1:0", "127.0.0.1:70000"])("refuses %s", (text) => {
    expect(findListenProblem(text)).toBe("is not of the form host:port");
  });

  test("another address is suggested that exists", () => {
    expect(otherAddress("127.0.0.1:9080")).toBe("127.0.0.1:19080");
    expect(otherAddress("[::1]:65000")).toBe("[::1]:55000");
  });
});

test("an exchange is drawn with its calls in columns", () => {
  const call = { method: "POST", status: 200, reply: "{}", hasToken: false };
  expect(
    formatExchange(
      { method: "POST", url: "http://h/v1", body: "{}" },
      [
        { ...call, service: "customer", path: "/a", body: '{"x":1}' },
        { ...call, service: "order", path: "/b", body: "", hasToken: true },
      ],
      { status: 201, statusText: "Created", body: '{"ok":true}', durationMs: 12.4 },
    ),
  ).toBe(`POST http://h/v1  {}

   1  customer  POST /a  {"x":1}
                → 200  {}
   2  order     POST /b  (with its token)
                → 200  {}

201 Created  {"ok":true}  (12 ms)`);
});

test("teardown runs in reverse, and to the end when a step fails", async () => {
  const done: string[] = [];
  const teardown = new Teardown();
  teardown.add("first", async () => {
    done.push("first");
  });
  teardown.add("second", async () => {
    throw new Error("stuck");
  });
  teardown.add("third", async () => {
    done.push("third");
  });
  expect(await teardown.run()).toEqual(["second: stuck"]);
  expect(done).toEqual(["third", "first"]);
});
