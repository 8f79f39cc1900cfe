import { describe, expect, test } from "bun:test";
import { resolveSettings } from "./resolve-settings.ts";
import { defaults } from "./settings.ts";

describe("resolveSettings", () => {
  test("gives the defaults when nothing is said", () => {
    expect(resolveSettings({ environment: {} })).toEqual({ value: defaults, issues: [] });
  });

  test("a flag wins over the environment, which wins over the file", () => {
    const { value } = resolveSettings({
      file: {
        name: "configs/gateway.ts",
        value: { store: "sqlite:file", listen: "a:1", resolver: { ttlSeconds: 5 } },
      },
      environment: {
        CATENA_STORE: "sqlite:env",
        CATENA_LISTEN: "b:2",
        CATENA_RESOLVER_HOSTS: "Svc=127.0.0.1:81, b=127.0.0.2",
      },
      flags: { listen: "c:3" },
    });
    expect(value).toMatchObject({
      store: "sqlite:env",
      listen: "c:3",
      resolver: { ttlSeconds: 5, hosts: { svc: "127.0.0.1:81", b: "127.0.0.2" } },
    });
  });

  test.each([
    ["a port that is no number", { CATENA_LISTEN: "127.0.0.1:http" }, "/listen"],
    ["a hosts table without =", { CATENA_RESOLVER_HOSTS: "svc" }, "/resolver/hosts"],
    ["a short admin key", { CATENA_ADMIN_KEY: "short" }, "/adminKey"],
    ["a mode that does not exist", { CATENA_ROUTER: "regex" }, "/router"],
    ["a flag that is neither", { CATENA_HEALTH_CHECKS: "maybe" }, "/healthChecks"],
    ["a number that is none", { CATENA_LIMITS_STEPS: "many" }, "/limits/steps"],
    ["an admin key of one character", { CATENA_ADMIN_KEY: "a".repeat(32) }, "/adminKey"],
    ["keys that are no JSON", { CATENA_ADMIN_KEYS: "me" }, "/admin/keys"],
    ["an address that is none", { CATENA_ADMIN_ALLOW: "10.0.0.0/8,here" }, "/admin/allow/1"],
    ["a peer that is none", { CATENA_REAL_IP_FROM: "127.0.0.1,unix:" }, "/realIp/from/1"],
    ["a trusted name", { CATENA_TRUSTED_ADDRESSES: "proxy.test" }, "/trustedAddresses/0"],
    ["a keyring's key of another length", { CATENA_KEYRING: "0123456789abcdefX" }, "/keyring/0"],
    ["a keyring's key with too many bytes", { CATENA_KEYRING: "ä23456789abcdef0" }, "/keyring/0"],
  ])("refuses %s, naming the field", (_name, environment, path) => {
    const { value, issues } = resolveSettings({ environment });
    expect(value).toBeUndefined();
    expect(issues.map((issue) => issue.path)).toContain(path);
  });

  test.each([
    ["127.0.0.1", true],
    ["127.0.0.1:5353", true],
    ["::1", true],
    ["[::1]:5353", true],
    ["dns.example", false],
    ["300.0.0.1", false],
    ["127.0.0.1:0", false],
    ["127.0.0.1:99999", false],
    ["[127.0.0.1", false],
  ])("takes %s as a DNS server: %p", (server, isTaken) => {
    const file = { name: "configs/gateway.ts", value: { dns: { servers: ["10.0.0.1", server] } } };
    const { issues } = resolveSettings({ file, environment: {} });
    expect(issues.map(({ path }) => path)).toEqual(isTaken ? [] : ["/dns/servers/1"]);
  });

  test("says what an authority of upstreams has to be", () => {
    const file = { name: "configs/gateway.ts", value: { tls: { ca: "/etc/ca.pem" } } };
    expect(resolveSettings({ file, environment: {} }).issues.map(({ path }) => path)).toContain(
      "/tls/ca",
    );
    const off = { name: "configs/gateway.ts", value: { tls: { verify: false } } };
    expect(resolveSettings({ file: off, environment: {} }).value?.tls).toEqual({
      verify: false,
      ca: null,
    });
  });

  test("names an unknown setting and lists the known ones, never a key's value", () => {
    const { issues } = resolveSettings({
      file: { name: "configs/gateway.ts", value: { stroe: "x", adminKey: "hunter2" } },
      environment: {},
    });
    expect(issues.find((issue) => issue.path === "/stroe")).toMatchObject({
      message: "unknown setting",
    });
    expect(JSON.stringify(issues)).not.toContain("hunter2");
  });

  test("two holders must not have one key", () => {
    const key = "0123456789abcdef";
    const keys = JSON.stringify([{ name: "board", role: "viewer", key }]);
    const environment = { CATENA_ADMIN_KEY: key, CATENA_ADMIN_KEYS: keys };
    const { issues } = resolveSettings({ environment });
    expect(issues.map(({ path }) => path)).toEqual(["/admin/keys/0/key"]);
    expect(JSON.stringify(issues)).not.toContain(key);
  });

  test("PORT in the environment changes nothing", () => {
    expect(resolveSettings({ environment: { PORT: "1" } }).value).toEqual(defaults);
  });
});
