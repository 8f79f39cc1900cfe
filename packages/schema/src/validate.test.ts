import { describe, expect, test } from "bun:test";
import { formatIssue } from "@catena/errors";
import { Type } from "@sinclair/typebox";
import { createPluginRegistry, type Kind, parseResource } from "./index.ts";

const upstream = { nodes: { "127.0.0.1:80": 1 } };
const registry = createPluginRegistry([
  { name: "limit-count", priority: 1002, schema: Type.Object({ count: Type.Integer() }) },
]);

function issues(kind: Kind, document: unknown): string[] {
  return parseResource(kind, document, { registry }).issues.map(formatIssue);
}

describe("certificates of upstreams that are kept elsewhere", () => {
  const tls = { client_cert: "$secret://vault/1/tls/cert", client_key: "$ENV://KEY" };
  test.each<readonly [Kind, object]>([
    ["upstreams", { ...upstream, tls }],
    ["services", { upstream: { ...upstream, tls } }],
    ["routes", { uri: "/x", upstream: { ...upstream, tls } }],
  ])("are taken in %s", (kind, document) => {
    expect(issues(kind, document)).toEqual([]);
    const { value } = parseResource(kind, document);
    expect<unknown>(value).toBe(document);
  });

  test("nothing else of an upstream may be", () => {
    expect(issues("upstreams", { ...upstream, scheme: "$env://S" })[0]).toContain("/scheme");
    expect(issues("upstreams", { ...upstream, tls: { ...tls, client_key: "short" } })[0]).toContain(
      "/tls/client_key",
    );
    expect(issues("upstreams", { ...upstream, tls: { client_key: "$env://KEY" } })).not.toEqual([]);
  });
});

describe("parseResource", () => {
  test("hands back the document itself, with nothing added", () => {
    const document = { uri: "/x", upstream, plugins: { "limit-count": { count: 1 } } };
    const before = JSON.stringify(document);
    const { value, issues: found } = parseResource("routes", document, { registry });
    expect(found).toEqual([]);
    expect(value === document).toBe(true);
    expect(JSON.stringify(document)).toBe(before);
  });

  const cases: [name: string, kind: Kind, document: unknown, issues: string[]][] = [
    [
      "finds everything at once",
      "routes",
      {
        uris: "/x",
        methods: ["get"],
        priority: "5",
        upstreamId: "1",
        upstream: { nodes: { "a:1": "x" } },
      },
      [
        '/uris: wrong type; expected array, found string "/x" (put it in brackets: […])',
        '/methods/0: not one of the values allowed here; expected "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE", "PURGE", found string "get" (did you mean "GET"?)',
        '/priority: wrong type; expected integer, found string "5" (write it without quotes: 5)',
        '/upstream/nodes/a:1: wrong type; expected integer, found string "x"',
        '/upstreamId: "upstreamId" is not a known field (did you mean "upstream_id"?)',
      ],
    ],
    [
      "names what is missing",
      "routes",
      { uri: "/x" },
      ['one of "plugins", "upstream", "upstream_id", "service_id", "script" is missing'],
    ],
    [
      "names what excludes each other",
      "routes",
      { uri: "/x", host: "a", hosts: ["a"], upstream },
      ['"host" and "hosts" exclude each other (put everything into "hosts")'],
    ],
    ["names both forms of a path", "routes", { upstream }, ['one of "uri", "uris" is missing']],
    [
      "sees that a wrong name was meant for a missing one",
      "consumers",
      { userName: "a" },
      [
        '"username" is missing (is "userName" meant to be "username"?)',
        '/userName: "userName" is not a known field (did you mean "username"?)',
      ],
    ],
    [
      "suggests plugins",
      "routes",
      { uri: "/x", upstream, plugins: { limit_count: { count: 1 } } },
      ['/plugins/limit_count: plugin "limit_count" is not known (did you mean "limit-count"?)'],
    ],
    [
      "points into plugins",
      "routes",
      { uri: "/x", upstream, plugins: { "limit-count": {} } },
      ['/plugins/limit-count: "count" is missing'],
    ],
    [
      "says what to do about null",
      "routes",
      { uri: "/x", upstream, desc: null },
      ["/desc: wrong type; expected string, found null (leave the member out instead of null)"],
    ],
    [
      "never shows a key",
      "ssls",
      { cert: "short", key: "hush", sni: "a.com" },
      [
        "/cert: too short; expected at least 128 characters, found a string of 5 characters",
        "/key: too short; expected at least 64 characters, found a string of 4 characters",
      ],
    ],
    [
      "explains addresses",
      "routes",
      { uri: "/x", upstream, remote_addr: "999.1.1.1" },
      [
        '/remote_addr: none of the forms allowed here; expected IPv4 or IPv4/CIDR or IPv6 or IPv6/CIDR, found string "999.1.1.1"',
      ],
    ],
    [
      "refuses Lua instead of ignoring a condition",
      "routes",
      { uri: "/x", upstream, filter_func: "function(vars) return true end" },
      ['/filter_func: Lua code cannot run here (say it with "vars")'],
    ],
    [
      "escapes paths",
      "upstreams",
      { nodes: { "a/b~c": "1" } },
      [
        '/nodes/a~1b~0c: wrong type; expected integer, found string "1" (write it without quotes: 1)',
      ],
    ],
    [
      "refuses what is no object",
      "routes",
      "str",
      ['wrong type; expected object, found string "str"'],
    ],
  ];
  test.each(cases)("%s", (_, kind, document, expected) => {
    expect(issues(kind, document)).toEqual(expected);
  });

  test("names the resource in each issue", () => {
    const [issue] = parseResource("routes", {}, { id: "checkout" }).issues;
    expect(issue?.resource).toBe("routes/checkout");
    const { issues: found } = parseResource("credentials", { x: 1 }, { id: "u/credentials/c" });
    expect(found[0]?.resource).toBe("consumers/u/credentials/c");
  });

  test("serving bears an unknown plugin and nothing else", () => {
    const unknown = { uri: "/x", upstream, plugins: { nope: {} } };
    const lenient = parseResource("routes", unknown, { registry, mode: "lenient" });
    expect([lenient.value, lenient.issues.length]).toEqual([unknown, 1]);
    expect(parseResource("routes", unknown, { registry }).value).toBeUndefined();
    const broken = { uri: "/x", upstream, plugins: { nope: {}, "limit-count": {} } };
    expect(parseResource("routes", broken, { registry, mode: "lenient" }).value).toBeUndefined();
  });

  test("a member called __proto__ is just an unknown field", () => {
    const document: unknown = JSON.parse('{"uri":"/x","upstream_id":"1","__proto__":{"admin":1}}');
    expect(issues("routes", document)).toEqual(['/__proto__: "__proto__" is not a known field']);
  });

  test("every secret manager has its schema", () => {
    expect(
      parseResource("secrets", { access_key_id: "a", secret_access_key: "b" }, { id: "aws/1" })
        .issues,
    ).toEqual([]);
    expect(parseResource("secrets", { auth_file: "/f" }, { id: "gcp/1" }).issues).toEqual([]);
    expect(
      parseResource("secrets", { uri: "http://v", prefix: "p", token: "t" }, { id: "vault/1" })
        .issues,
    ).toEqual([]);
    expect(
      parseResource("secrets", { uri: "http://v", prefix: "p", token: "t" }, { id: "aws/1" }).issues
        .length,
    ).toBe(2);
  });
});
