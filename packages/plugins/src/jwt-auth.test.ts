import { describe, expect, test } from "bun:test";
import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { jwtAuth } from "./jwt-auth.ts";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";

const now = Math.floor(Date.now() / 1000);
const secret = "jwt-secret-of-jack";

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function token(payload: object, key: string | Uint8Array = secret, algorithm = "HS256"): string {
  const signed = `${part({ alg: algorithm, typ: "JWT" })}.${part(payload)}`;
  const digest = `sha${algorithm.slice(2)}`;
  return `${signed}.${createHmac(digest, key).update(signed).digest("base64url")}`;
}

const consumers = {
  jack: { "jwt-auth": { key: "jk", secret } },
  late: { "jwt-auth": { key: "late", secret, lifetime_grace_period: 100 } },
  coded: {
    "jwt-auth": { key: "coded", secret: "c2VjcmV0", base64_secret: true, algorithm: "HS512" },
  },
  guest: {},
};

const bed = (conf = {}): PluginBed => new PluginBed([[jwtAuth, conf]], { consumers });

const bearer = (text: string): { headers: Record<string, string> } => ({
  headers: { authorization: `Bearer ${text}` },
});

describe("refusals", () => {
  const good = token({ key: "jk", exp: now + 100 });
  const [head = "", body = ""] = good.split(".");
  const cases: [what: string, header: string | null, message: string][] = [
    ["no token", null, "Missing JWT token in request"],
    ["junk", "junk", "JWT token invalid"],
    ["an empty header", "", "JWT token invalid"],
    ["two parts", `${head}.${body}`, "JWT token invalid"],
    ["four parts", `${good}.x`, "JWT token invalid"],
    ["a header that is no object", `${part([])}.${body}.x`, "JWT token invalid"],
    ["a payload that is no JSON", `${head}.e30x.x`, "JWT token invalid"],
    ["extensions", `${part({ alg: "HS256", crit: ["b64"] })}.${body}.x`, "JWT token invalid"],
    ["no key claim", token({ exp: now + 100 }), "missing user key in JWT token"],
    ["an unknown key", token({ key: "zz" }), "Invalid user key in JWT token"],
    ["a key that is no text", token({ key: ["jk"] }), "Invalid user key in JWT token"],
    ["an expired token", token({ key: "jk", exp: now - 10 }), "failed to verify jwt"],
    ["a token that expires now", token({ key: "jk", exp: now - 1 }), "failed to verify jwt"],
    ["a token of the future", token({ key: "jk", nbf: now + 100 }), "failed to verify jwt"],
    ["an exp that is no number", token({ key: "jk", exp: "never" }), "failed to verify jwt"],
    ["an exp of null", token({ key: "jk", exp: null }), "failed to verify jwt"],
    ["another secret", token({ key: "jk" }, "other"), "failed to verify jwt"],
    ["a cut signature", good.slice(0, -4), "failed to verify jwt"],
    ["another algorithm", token({ key: "jk" }, secret, "HS512"), "failed to verify jwt"],
    ["no algorithm", `${part({ alg: "none" })}.${part({ key: "jk" })}.eA`, "failed to verify jwt"],
    ["an unsigned token", `${part({ alg: "none" })}.${part({ key: "jk" })}.`, "JWT token invalid"],
  ];
  test.each(cases)("%s", async (_what, header, message) => {
    const headers: Record<string, string> = header === null ? {} : { authorization: header };
    const answer = await bed().ask({ headers });
    expect(answer.status).toBe(401);
    expect(answer.body).toBe(`{"message":"${message}"}\n`);
    expect(answer.headers["www-authenticate"]).toBe('Bearer realm="jwt"');
    expect(answer.upstream).toBeNull();
  });
});

test("what objects inherit is no claim", async () => {
  const answer = await bed({ key_claim_name: "constructor" }).ask(bearer(token({ key: "jk" })));
  expect(answer.body).toBe('{"message":"missing user key in JWT token"}\n');
});

describe("places and claims", () => {
  const good = token({ key: "jk", exp: now + 100, nbf: now - 1 });
  const cases: [what: string, conf: object, ask: object, status: number][] = [
    ["with Bearer", {}, bearer(good), 200],
    ["with bearer", {}, { headers: { authorization: `bearer ${good}` } }, 200],
    ["bare", {}, { headers: { authorization: good } }, 200],
    ["in the query", {}, { target: `/a?jwt=${good}` }, 200],
    ["in a cookie", {}, { headers: { cookie: `a=1; jwt=${good}` } }, 200],
    ["in another header", { header: "X-Token" }, { headers: { "x-token": good } }, 200],
    ["a valueless argument", {}, { target: "/a?jwt" }, 401],
    ["header before query", {}, { target: `/a?jwt=${good}`, ...bearer("junk") }, 401],
    ["without exp", {}, bearer(token({ key: "jk" })), 200],
    [
      "without a claim that is asked for",
      { claims_to_verify: ["exp"] },
      bearer(token({ key: "jk" })),
      401,
    ],
    ["with claims that are asked for", { claims_to_verify: ["exp", "nbf"] }, bearer(good), 200],
    ["another key claim", { key_claim_name: "iss" }, bearer(token({ iss: "jk" })), 200],
    ["within the grace", {}, bearer(token({ key: "late", exp: now - 50, nbf: now + 50 })), 200],
    ["beyond the grace", {}, bearer(token({ key: "late", exp: now - 150 })), 401],
    ["a secret in base64", {}, bearer(token({ key: "coded" }, "secret", "HS512")), 200],
  ];
  test.each(cases)("%s", async (_what, conf, ask, status) => {
    expect((await bed(conf).ask(ask)).status).toBe(status);
  });
});

test("the upstream is told the consumer, and sees the token unless it is hidden", async () => {
  const good = token({ key: "jk" });
  const shown = await bed().ask(bearer(good));
  expect(shown.upstream?.headers["x-consumer-username"]).toBe("jack");
  expect(shown.upstream?.headers["authorization"]).toBe(`Bearer ${good}`);
  const hiding = bed({ hide_credentials: true });
  expect((await hiding.ask(bearer(good))).upstream?.headers).not.toHaveProperty("authorization");
  expect((await hiding.ask({ target: `/a?x=1&jwt=${good}` })).upstream?.target).toBe("/a?x=1");
  const cookies = await hiding.ask({ headers: { cookie: `a=1; jwt=${good}; b=2` } });
  expect(cookies.upstream?.headers["cookie"]).toBe("a=1; b=2");
  const only = await hiding.ask({ headers: { cookie: `jwt=${good}` } });
  expect(only.upstream?.headers).not.toHaveProperty("cookie");
});

test("the anonymous consumer stands in, without the token that was no good", async () => {
  const conf = { anonymous_consumer: "guest", hide_credentials: true };
  const answer = await bed(conf).ask(bearer("junk"));
  expect(answer.upstream?.headers).toEqual({ host: "a.test:9080", "x-consumer-username": "guest" });
});

describe("public keys", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const curve = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve });
  const pss = {
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  };
  const raw = { dsaEncoding: "ieee-p1363" as const };
  interface Pair {
    readonly publicKey: KeyObject;
    readonly privateKey: KeyObject;
  }
  const cases: [algorithm: string, pair: Pair, digest: string | null, options: object][] = [
    ["RS256", rsa, "sha256", {}],
    ["RS384", rsa, "sha384", {}],
    ["RS512", rsa, "sha512", {}],
    ["PS256", rsa, "sha256", pss],
    ["PS384", rsa, "sha384", pss],
    ["PS512", rsa, "sha512", pss],
    ["ES256", curve("P-256"), "sha256", raw],
    ["ES384", curve("P-384"), "sha384", raw],
    ["ES512", curve("P-521"), "sha512", raw],
    ["EdDSA", generateKeyPairSync("ed25519"), null, {}],
  ];
  test.each(cases)("%s", async (algorithm, { publicKey, privateKey }, digest, options) => {
    const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
    const held = { key: "pk", algorithm, public_key: pem };
    expect(problemsOf(jwtAuth, held, "consumer")).toEqual([]);
    const plugin = new PluginBed([[jwtAuth, {}]], { consumers: { jill: { "jwt-auth": held } } });
    const signed = `${part({ alg: algorithm })}.${part({ key: "pk" })}`;
    const signature = sign(digest, Buffer.from(signed), { key: privateKey, ...options });
    const right = `${signed}.${signature.toString("base64url")}`;
    expect((await plugin.ask(bearer(right))).status).toBe(200);
    signature[10] = (signature[10] ?? 0) ^ 1;
    const wrong = `${signed}.${signature.toString("base64url")}`;
    expect((await plugin.ask(bearer(wrong))).body).toContain("failed to verify jwt");
    // The public key is no secret: a token signed with it as an HMAC key is a forgery.
    const forged = token({ key: "pk" }, pem);
    expect((await plugin.ask(bearer(forged))).body).toContain("failed to verify jwt");
  });

  test("a key of another kind is refused", () => {
    const pem = rsa.publicKey.export({ type: "spki", format: "pem" }).toString();
    const held = { key: "pk", algorithm: "ES256", public_key: pem };
    expect(problemsOf(jwtAuth, held, "consumer")[0]?.message).toBe("missing valid public key");
  });
});

describe("configurations", () => {
  test.each([
    [{ realm: "\\" }, "/realm"],
    [{ claims_to_verify: ["iat"] }, "/claims_to_verify/0"],
    [{ key_claim_name: "" }, "/key_claim_name"],
  ])("%j is refused at %j", (conf, path) => {
    expect(problemsOf(jwtAuth, { ...conf })[0]?.path).toBe(path);
  });

  test.each([
    [{ key: "k", secret: "s" }, null],
    [{ key: "k" }, 'property "secret" is required when using HS based algorithms'],
    [
      { key: "k", secret: "?", base64_secret: true },
      "base64_secret required but the secret is not in base64 format",
    ],
    [{ key: "k", secret: "$env://S", base64_secret: true }, null],
    [{ key: "k", algorithm: "RS256", public_key: "no key" }, "missing valid public key"],
    [{ key: "k", algorithm: "RS256", public_key: "$secret://vault/1/k" }, null],
  ])("of a consumer, %j: %p", (conf, message) => {
    const [issue] = problemsOf(jwtAuth, { ...conf }, "consumer");
    expect(issue?.message ?? null).toBe(message);
  });

  test("of a consumer, a public key must be there for its algorithms", () => {
    expect(problemsOf(jwtAuth, { key: "k", algorithm: "RS256" }, "consumer")).not.toEqual([]);
  });
});
