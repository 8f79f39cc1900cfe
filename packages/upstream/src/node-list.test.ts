import { describe, expect, test } from "bun:test";
import type { Upstream } from "@catena/schema";
import { listNodes } from "./node-list.ts";

const node = (host: string, port: number, weight = 1, priority = 0) => ({
  host,
  port,
  weight,
  priority,
});

describe("nodes of both forms", () => {
  test.each<[string, NonNullable<Upstream["nodes"]>, ReturnType<typeof node>[]]>([
    ["map: host and port", { "a.test:81": 2 }, [node("a.test", 81, 2)]],
    ["map: a host alone has the scheme's port", { "a.test": 1 }, [node("a.test", 80)]],
    ["map: an IPv6 address in brackets", { "[::1]:81": 1 }, [node("[::1]", 81)]],
    ["map: an IPv6 address without a port", { "[::1]": 1 }, [node("[::1]", 80)]],
    ["map: a bare IPv6 address", { "fd00::1:80": 1 }, [node("[fd00::1:80]", 80)]],
    ["list", [{ host: "a.test", port: 81, weight: 0 }], [node("a.test", 81, 0)]],
    ["list: without a port", [{ host: "10.0.0.1", weight: 3 }], [node("10.0.0.1", 80, 3)]],
    [
      "list: priorities",
      [
        { host: "a", port: 1, weight: 1, priority: -1 },
        { host: "a", port: 1, weight: 2 },
      ],
      [node("a", 1, 1, -1), node("a", 1, 2)],
    ],
    [
      "list: of one address the last counts",
      [
        { host: "a", port: 1, weight: 1 },
        { host: "b", port: 1, weight: 1 },
        { host: "a", port: 1, weight: 5 },
      ],
      [node("a", 1, 5), node("b", 1)],
    ],
    ["no nodes", {}, []],
    ["an empty list", [], []],
  ])("%s", (_, nodes, expected) => {
    expect(listNodes({ nodes }, 80)).toEqual(expected);
  });
});
