import { describe, expect, test } from "bun:test";
import { compileAddresses, isAddress, plainAddress } from "./addresses.ts";

function isOn(list: readonly unknown[], address: string): boolean {
  const { value, issues } = compileAddresses(list);
  if (value === undefined) throw new Error(JSON.stringify(issues));
  return value(address);
}

describe("matches", () => {
  const cases: [list: readonly string[], address: string, outcome: boolean][] = [
    [["127.0.0.1"], "127.0.0.1", true],
    [["127.0.0.1"], "127.0.0.2", false],
    [["127.0.0.1"], "::ffff:127.0.0.1", true],
    [["10.0.0.0/8"], "10.255.255.255", true],
    [["10.0.0.0/8"], "11.0.0.0", false],
    [["10.1.2.3/8"], "10.9.9.9", true],
    [["192.168.1.0/25"], "192.168.1.127", true],
    [["192.168.1.0/25"], "192.168.1.128", false],
    [["0.0.0.0/0"], "255.255.255.255", true],
    [["0.0.0.0/0"], "::1", false],
    [["255.255.255.255/32"], "255.255.255.255", true],
    [["128.0.0.0/1"], "200.0.0.1", true],
    [["1.1.1.1", "10.0.0.0/8", "172.16.0.0/12"], "172.31.255.1", true],
    [["::1"], "::1", true],
    [["::1"], "0:0:0:0:0:0:0:1", true],
    [["2001:db8::/32"], "2001:0DB8:ffff::1", true],
    [["2001:db8::/32"], "2001:db9::1", false],
    [["2001:db8:8000::/33"], "2001:db8:8000::1", true],
    [["2001:db8:8000::/33"], "2001:db8:7fff::1", false],
    [["::/0"], "fe80::1", true],
    [["::/0"], "1.2.3.4", false],
    [["127.0.0.1", "::/0"], "", false],
    [["127.0.0.1", "::/0"], "nobody", false],
    [["127.0.0.1", "::/0"], "127.1", false],
    [["127.0.0.1", "::/0"], "fe80::1%eth0", false],
    [["8.8.8.8"], "010.8.8.8", false],
  ];
  test.each(cases)("%j and %s: %p", (list, address, outcome) => {
    expect(isOn(list, address)).toBe(outcome);
  });
});

test.each([
  "",
  "1.2.3",
  "1.2.3.4.5",
  "1.2.3.256",
  "1.2.3.04",
  "1.2.3.4/33",
  "1.2.3.4/",
  "1.2.3.4/-1",
  "1.2.3.4/8/8",
  "0x7f000001",
  "a.b.c.d",
  "::1/129",
  "::1::",
  "fe80::1%eth0",
  ":".repeat(100_000),
  5,
  null,
])("%p is no address", (entry) => {
  const { value, issues } = compileAddresses(["::1", entry]);
  expect(value).toBeUndefined();
  expect(issues[0]?.path).toBe("/1");
  expect(issues[0]?.message).toStartWith("invalid ip address: ");
  expect(issues[0]?.message.length).toBeLessThan(100);
});

test("a list beyond all measure is refused", () => {
  const { issues } = compileAddresses(Array.from({ length: 10_001 }, () => "::1"));
  expect(issues[0]?.message).toBe("more than 10000 addresses");
});

test("an IPv4 address in IPv6 clothes is made plain", () => {
  expect(plainAddress("::ffff:1.2.3.4")).toBe("1.2.3.4");
  expect(plainAddress("::1")).toBe("::1");
  expect(plainAddress("1.2.3.4")).toBe("1.2.3.4");
});

test("isAddress knows both families", () => {
  expect(["1.2.3.4", "::1", "1.2.3.4:80", "[::1]", "a"].map(isAddress)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
