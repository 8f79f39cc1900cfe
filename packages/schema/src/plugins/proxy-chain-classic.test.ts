import { describe, expect, test } from "bun:test";
import { checkClassicChain, classicChainSchema, compileSchema } from "../index.ts";

const checker = compileSchema(classicChainSchema);

describe("schema", () => {
  const accepted: unknown[] = [
    { services: [{ uri: "http://a/b" }] },
    {
      services: [
        {
          uri: "http://a/b",
          method: "GET",
          send_body: true,
          timeout: 1,
          upstream_id: 1,
          name: "user",
        },
      ],
      token_header: "X-Token",
      deadline: 10,
      error_bodies: "literal",
      extra: 1,
    },
  ];
  test.each(accepted)("takes %j", (chain) => expect(checker.accepts(chain)).toBe(true));

  const refused: [path: string, chain: unknown][] = [
    ["/services", { services: [] }],
    ["", {}],
    ["/services/0", { services: [{}] }],
    ["/services/0/uri", { services: [{ uri: "" }] }],
    ["/services/0/method", { services: [{ uri: "http://a", method: "PATCH" }] }],
    ["/services/0/timeout", { services: [{ uri: "http://a", timeout: 0 }] }],
    ["/services/0/timeout", { services: [{ uri: "http://a", timeout: 1.5 }] }],
    ["/services/0/name", { services: [{ uri: "http://a", name: "a b" }] }],
    ["/token_header", { services: [{ uri: "http://a" }], token_header: "a: b" }],
    ["/deadline", { services: [{ uri: "http://a" }], deadline: "1s" }],
    ["/error_bodies", { services: [{ uri: "http://a" }], error_bodies: "raw" }],
  ];
  test.each(refused)("refuses at %s: %j", (path, chain) => {
    expect(checker.explain(chain).map((finding) => finding.path)).toEqual([path]);
  });
});

describe("checkClassicChain", () => {
  const cases: [uri: string, message: string | null][] = [
    ["http://customer_service/api/v1/user", null],
    ["https://a.com:8443/x?y=1", null],
    ["HTTP://a", null],
    ["http://[::1]:80/", null],
    ["not a url", "service uri holds blanks or control characters"],
    ["/path", "service uri is not a URL"],
    ["a.com/x", "service uri is not a URL"],
    ["a.com:80/x", "service uri is not an http or https URL"],
    ["ftp://a.com/x", "service uri is not an http or https URL"],
    ["file:///etc/passwd", "service uri is not an http or https URL"],
    ["http:///x", "service uri names no host"],
    ["http:a.com", "service uri names no host"],
    ["http://\\a.com", "service uri names no host"],
    ["http://", "service uri is not a URL"],
    ["http://user:pw@a.com/", "service uri holds credentials"],
    ["http://user@a.com/", "service uri holds credentials"],
    ["http://a.com/\nHost: b", "service uri holds blanks or control characters"],
    ["http://a.com:99999/", "service uri is not a URL"],
  ];
  test.each(cases)("%j", (uri, message) => {
    const issues = checkClassicChain({ services: [{ uri: "http://ok/" }, { uri }] });
    expect(issues.map((issue) => [issue.path, issue.message])).toEqual(
      message === null ? [] : [["/services/1/uri", message]],
    );
    expect(JSON.stringify(issues)).not.toContain("pw");
  });
});
