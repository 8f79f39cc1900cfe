import { describe, expect, test } from "bun:test";
import { createHash, createHmac } from "node:crypto";
import type { PluginConf } from "@catena/schema";
import { hmacAuth } from "./hmac-auth.ts";
import { type Ask, PluginBed, problemsOf } from "./plugin.testbed.ts";

const consumers = {
  jack: { "hmac-auth": { key_id: "jk", secret_key: "s3" } },
  nobody: {},
};

const bedOf = (conf: PluginConf = {}): PluginBed =>
  new PluginBed([[hmacAuth, conf]], { consumers });

interface Sign {
  readonly keyId?: string;
  readonly secret?: string;
  readonly algorithm?: string;
  /** Lines after the key's. */
  readonly lines?: readonly string[];
  readonly headers?: string;
}

function sign(sign: Sign = {}): string {
  const { keyId = "jk", secret = "s3", algorithm = "hmac-sha256" } = sign;
  const { headers = "date", lines = [`date: ${date}`] } = sign;
  const text = `${[keyId, ...lines].join("\n")}\n`;
  const digest = createHmac(algorithm.replace("hmac-", ""), secret).update(text).digest("base64");
  return `Signature keyId="${keyId}",algorithm="${algorithm}",headers="${headers}",signature="${digest}"`;
}

const date = new Date().toUTCString();
const old = new Date(Date.now() - 400_000).toUTCString();

const withAuth = (authorization: string, headers: Readonly<Record<string, string>> = {}): Ask => ({
  headers: { authorization, date, ...headers },
});

describe("lets in", () => {
  const target = "@request-target";
  const cases: [name: string, conf: PluginConf, ask: Ask][] = [
    ["a signed date", {}, withAuth(sign())],
    ["each algorithm: sha1", {}, withAuth(sign({ algorithm: "hmac-sha1" }))],
    ["each algorithm: sha512", {}, withAuth(sign({ algorithm: "hmac-sha512" }))],
    [
      "the target and headers in their order",
      { signed_headers: ["date", target, "x-a"] },
      {
        ...withAuth(
          sign({
            headers: "x-a @request-target date",
            lines: ["x-a: 1", "GET /a%20b?x=1", `date: ${date}`],
          }),
          { "x-a": "1" },
        ),
        target: "/a%20b?x=1",
      },
    ],
    [
      "the normalised target, as APISIX has it",
      {},
      {
        ...withAuth(
          sign({ headers: "@request-target date", lines: ["GET /a b", `date: ${date}`] }),
        ),
        target: "/a%20b",
      },
    ],
    [
      "names as they are written in the list",
      {},
      withAuth(sign({ headers: "date X-A X-None", lines: [`date: ${date}`, "X-A: 1"] }), {
        "x-a": "1",
      }),
    ],
    [
      "a date that is as far off as allowed",
      { clock_skew: 1000, signed_headers: [] },
      withAuth(sign({ headers: "x", lines: [] }), { date: old }),
    ],
  ];
  test.each(cases)("%s", async (_, conf, ask) => {
    const { status, upstream } = await bedOf(conf).ask(ask);
    expect(status).toBe(200);
    expect(upstream?.headers["x-consumer-username"]).toBe("jack");
  });
});

describe("keeps out", () => {
  const hidden = "client request can't be validated";
  const cases: [name: string, conf: PluginConf, ask: Ask, message: string][] = [
    ["nobody's request", {}, {}, `${hidden}: missing Authorization header`],
    [
      "another scheme",
      {},
      withAuth("Basic eA=="),
      `${hidden}: Authorization header does not start with 'Signature'`,
    ],
    ["no fields", {}, withAuth("Signature"), hidden],
    ["an unknown key", {}, withAuth(sign({ keyId: "none" })), hidden],
    ["a wrong secret", {}, withAuth(sign({ secret: "no" })), hidden],
    [
      "an algorithm that is not allowed",
      { allowed_algorithms: ["hmac-sha512"] },
      withAuth(sign()),
      hidden,
    ],
    ["a date long ago", {}, withAuth(sign({ lines: [`date: ${old}`] }), { date: old }), hidden],
    ["a date that is none", {}, withAuth(sign({ lines: ["date: x"] }), { date: "x" }), hidden],
    ["an unsigned date", {}, withAuth(sign({ headers: "x", lines: [] })), hidden],
    [
      "a header that has to be signed and is not",
      { signed_headers: ["date", "x-a"] },
      withAuth(sign(), { "x-a": "1" }),
      hidden,
    ],
    ["another value than was signed", {}, withAuth(sign({ lines: ["date: x"] })), hidden],
  ];
  test.each(cases)("%s", async (_, conf, ask, message) => {
    const answer = await bedOf(conf).ask(ask);
    expect(answer.status).toBe(401);
    expect(JSON.parse(answer.body)).toEqual({ message });
    expect(answer.headers["www-authenticate"]).toBe('hmac realm="hmac"');
  });
});

describe("bodies", () => {
  const digest = (body: string) => `SHA-256=${createHash("sha256").update(body).digest("base64")}`;
  const cases: [name: string, body: string, headers: Record<string, string>, status: number][] = [
    ["the digest of the body", "abc", { digest: digest("abc") }, 200],
    ["the digest of no body", "", { digest: digest("") }, 200],
    ["the digest of another body", "abd", { digest: digest("abc") }, 401],
    ["no digest", "abc", {}, 401],
    ["a body that is too long", "abcdefghi", { digest: digest("abcdefghi") }, 413],
  ];
  test.each(cases)("%s", async (_, body, headers, status) => {
    const bed = bedOf({ validate_request_body: true, max_req_body_size: 8 });
    const answer = await bed.ask({ ...withAuth(sign(), headers), method: "POST", body });
    expect(answer.status).toBe(status);
  });
});

test("credentials are hidden, and the anonymous consumer stands in", async () => {
  const hiding = await bedOf({ hide_credentials: true }).ask(withAuth(sign()));
  expect(hiding.upstream?.headers).not.toHaveProperty("authorization");
  const anonymous = await bedOf({ anonymous_consumer: "nobody" }).ask({});
  expect(anonymous.upstream?.headers["x-consumer-username"]).toBe("nobody");
});

test("a consumer needs both key and secret", () => {
  expect(problemsOf(hmacAuth, { key_id: "a" }, "consumer")).not.toHaveLength(0);
  expect(problemsOf(hmacAuth, { key_id: "a", secret_key: "b" }, "consumer")).toHaveLength(0);
});
