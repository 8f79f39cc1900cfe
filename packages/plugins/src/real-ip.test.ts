import { describe, expect, test } from "bun:test";
import { ipRestriction } from "./ip-restriction.ts";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";
import { realIp } from "./real-ip.ts";

const peer = "127.0.0.1";

describe("who the client is", () => {
  const arg = { source: "arg_ip" };
  const list = { source: "http_x_forwarded_for" };
  const trusting = { ...list, trusted_addresses: ["127.0.0.0/8", "10.0.0.0/8"] };
  const cases: [conf: object, ask: object, address: string, port: number][] = [
    [arg, { target: "/?ip=5.6.7.8" }, "5.6.7.8", 0],
    [arg, { target: "/?ip=5.6.7.8:90" }, "5.6.7.8", 90],
    [arg, { target: "/?ip=[::1]:90" }, "::1", 90],
    [arg, { target: "/?ip=[::1]" }, "::1", 0],
    [arg, { target: "/?ip=2001:db8::1" }, "2001:db8::1", 0],
    [arg, { target: "/" }, peer, 4711],
    [arg, { target: "/?ip" }, peer, 4711],
    [arg, { target: "/?ip=nobody" }, peer, 4711],
    [arg, { target: "/?ip=5.6.7.8:0" }, peer, 4711],
    [arg, { target: "/?ip=5.6.7.8:70000" }, peer, 4711],
    [arg, { target: "/?ip=5.6.7.8%0D%0Aa" }, peer, 4711],
    [{ ...arg, trusted_addresses: ["10.0.0.0/8"] }, { target: "/?ip=5.6.7.8" }, peer, 4711],
    [list, { headers: { "x-forwarded-for": "1.1.1.1, 2.2.2.2" } }, "2.2.2.2", 0],
    [trusting, { headers: { "x-forwarded-for": "1.1.1.1, 10.0.0.1" } }, "10.0.0.1", 0],
    [
      { ...trusting, recursive: true },
      { headers: { "x-forwarded-for": "1.1.1.1,2.2.2.2, 10.0.0.1" } },
      "2.2.2.2",
      0,
    ],
    [
      { ...trusting, recursive: true },
      { headers: { "x-forwarded-for": "10.0.0.2, 10.0.0.1" } },
      "10.0.0.2",
      0,
    ],
    [{ source: "http_x_real_ip" }, { headers: { "x-real-ip": "9.9.9.9" } }, "9.9.9.9", 0],
  ];
  test.each(cases)("%j on %j: %s port %d", async (conf, ask, address, port) => {
    const { ctx } = await new PluginBed([[realIp, { ...conf }]]).ask(ask);
    expect([ctx.clientAddress, ctx.clientPort, ctx.peerAddress]).toEqual([address, port, peer]);
  });
});

test("what runs later goes by the client's address", async () => {
  const bed = new PluginBed([
    [realIp, { source: "http_x_real_ip" }],
    [ipRestriction, { blacklist: ["9.9.9.9"] }],
  ]);
  expect((await bed.ask({ headers: { "x-real-ip": "9.9.9.9" } })).status).toBe(403);
  expect((await bed.ask()).status).toBe(200);
});

test.each([
  [{}, ""],
  [{ source: "" }, "/source"],
  [{ source: "request_body" }, "/source"],
  [{ source: "arg_ip", trusted_addresses: ["::1", "x"] }, "/trusted_addresses/1"],
])("%j is refused at %j", (conf, path) => {
  expect(problemsOf(realIp, { ...conf })[0]?.path).toBe(path);
});
