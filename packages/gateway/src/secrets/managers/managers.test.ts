import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { generateKeyPairSync, verify } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "@catena/schema";
import type { SecretAnswer } from "../secret-answer.ts";
import { createAws } from "./aws.ts";
import { signAwsCall } from "./aws-signature.ts";
import { createGcp } from "./gcp.ts";
import { createManagerClient, ManagerFault } from "./manager-client.ts";
import type { SecretManagerCalls } from "./secret-manager.ts";
import { vault } from "./vault.ts";

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

let answer: (asked: Asked) => Response | Promise<Response>;
let asked: Asked[];
let server: Bun.Server<undefined>;
let url: string;

beforeEach(() => {
  asked = [];
  answer = () => new Response("nothing is set up", { status: 500 });
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const one = {
        method: request.method,
        path: new URL(request.url).pathname,
        headers: Object.fromEntries(request.headers),
        body: await request.text(),
      };
      asked.push(one);
      return answer(one);
    },
  });
  url = `http://127.0.0.1:${server.port}`;
});
afterEach(() => server.stop(true));

/** What a manager answers, or `fault: …` for what it can't be asked for. */
async function lookUp(
  manager: SecretManagerCalls,
  conf: JsonObject,
  path: string,
  client = createManagerClient({ timeoutMs: 5000 }),
): Promise<SecretAnswer | string> {
  try {
    return await manager.lookUp(conf, path, client);
  } catch (error) {
    if (error instanceof ManagerFault) return `fault: ${error.message}`;
    throw error;
  }
}

const found = (value: string) => ({ kind: "found", value }) as const;

describe("Vault", () => {
  const conf = () => ({ uri: `${url}/`, prefix: "/kv/app/", token: "t", namespace: "team" });

  test("is asked as its API says", async () => {
    answer = () => Response.json({ data: { key: "value" } });
    expect(await lookUp(vault, conf(), "a b/jack/key")).toEqual(found("value"));
    expect(asked).toMatchObject([
      {
        method: "GET",
        path: "/v1/kv/app/a%20b/jack",
        headers: { "x-vault-token": "t", "x-vault-namespace": "team" },
      },
    ]);
  });

  test.each<readonly [string, unknown, number, object]>([
    ["version 2", { data: { data: { key: "v2" }, metadata: { version: 3 } } }, 200, found("v2")],
    ["a member named data", { data: { key: "v1", data: { key: "x" } } }, 200, found("v1")],
    ["a number", { data: { key: 7 } }, 200, found("7")],
    [
      "no such member",
      { data: { other: "x" } },
      200,
      { kind: "missing", reason: 'it has no "key"' },
    ],
    [
      "an object",
      { data: { key: { a: 1 } } },
      200,
      { kind: "missing", reason: '"key" of it is no text' },
    ],
    [
      "no such path",
      { errors: [] },
      404,
      { kind: "missing", reason: "Vault has nothing of that path" },
    ],
    [
      "a wrong token",
      { errors: ["permission denied"] },
      403,
      { kind: "failed", reason: "Vault answered 403" },
    ],
    [
      "what is no answer of Vault's",
      "hello",
      200,
      { kind: "failed", reason: "Vault's answer holds no data" },
    ],
  ])("%s", async (_, body, status, expected) => {
    answer = () => Response.json(body, { status });
    expect<unknown>(await lookUp(vault, conf(), "jack/key")).toEqual(expected);
  });

  test.each(["key", "/key", "jack/", "../../sys/key", "a/./key"])(
    "%s is not asked",
    async (path) => {
      expect(await lookUp(vault, conf(), path)).toMatchObject({ kind: "missing" });
      expect(asked).toEqual([]);
    },
  );

  test("a redirect is not followed: the token is for who was named", async () => {
    answer = ({ path }) =>
      path.startsWith("/elsewhere")
        ? Response.json({ data: { key: "stolen" } })
        : new Response(null, { status: 307, headers: { location: "/elsewhere" } });
    expect(await lookUp(vault, conf(), "jack/key")).toEqual({
      kind: "failed",
      reason: "Vault answered 307",
    });
    expect(asked.length).toBe(1);
  });

  test("an answer without an end is given up", async () => {
    answer = () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
        }),
      );
    expect(await lookUp(vault, conf(), "jack/key")).toBe(
      "fault: it answered with over 1048576 bytes",
    );
  });

  test("one that does not answer is given up", async () => {
    answer = () => new Promise<Response>(() => undefined);
    const client = createManagerClient({ timeoutMs: 50 });
    expect(await lookUp(vault, conf(), "jack/key", client)).toBe(
      "fault: it did not answer within 50 ms",
    );
  });

  test.each([
    ["nobody listens", "http://127.0.0.1:1", /^fault: it cannot be reached \(\w+\)$/],
    ["the address is none", "127.0.0.1:8200", /not an http or https URL/],
    ["the address is of another kind", "file:///etc/passwd", /not an http or https URL/],
  ])("%s", async (_, uri, expected) => {
    expect(String(await lookUp(vault, { ...conf(), uri }, "jack/key"))).toMatch(expected);
  });

  test("documents are read once in a round", async () => {
    answer = () => Response.json({ data: { a: "1", b: "2" } });
    const client = createManagerClient({ timeoutMs: 5000 });
    const answers = await Promise.all(
      ["jack/a", "jack/b"].map((path) => lookUp(vault, conf(), path, client)),
    );
    expect(answers).toEqual([found("1"), found("2")]);
    expect(asked.length).toBe(1);
  });
});

describe("AWS Secrets Manager", () => {
  // From the Signature Version 4 test suite that AWS publishes (get-vanilla, post-vanilla).
  test.each([
    ["GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"],
    ["POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"],
  ] as const)("%s is signed as in AWS's own suite", (method, signature) => {
    const { authorization } = signAwsCall(
      {
        method,
        host: "example.amazonaws.com",
        path: "/",
        headers: {},
        body: "",
        region: "us-east-1",
        service: "service",
        at: new Date("2015-08-30T12:36:00Z"),
      },
      {
        accessKeyId: "AKIDEXAMPLE",
        secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        sessionToken: "",
      },
    );
    expect(authorization).toBe(
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${signature}`,
    );
  });

  const at = Date.parse("2026-01-02T03:04:05Z");
  const aws = createAws(() => at);
  const conf = (more: object = {}) => ({
    access_key_id: "id",
    secret_access_key: "access-secret",
    session_token: "session",
    region: "eu-west-1",
    endpoint_url: `${url}/ignored`,
    ...more,
  });
  /** As the service answers: by the names that there are. */
  const withSecrets =
    (secrets: Readonly<Record<string, string>>) =>
    ({ body }: Asked) => {
      const value = secrets[JSON.parse(body).SecretId];
      return value === undefined
        ? Response.json({ __type: "ResourceNotFoundException" }, { status: 400 })
        : Response.json({ Name: "x", SecretString: value });
    };

  test("is asked as its API says", async () => {
    answer = withSecrets({ jack: "value" });
    expect(await lookUp(aws, conf(), "jack")).toEqual(found("value"));
    const [call] = asked;
    expect(call).toMatchObject({
      method: "POST",
      path: "/",
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "secretsmanager.GetSecretValue",
        "x-amz-date": "20260102T030405Z",
        "x-amz-security-token": "session",
      },
    });
    expect(JSON.parse(call?.body ?? "")).toEqual({
      SecretId: "jack",
      VersionStage: "AWSCURRENT",
    });
    expect(call?.headers["authorization"]).toContain(
      "Credential=id/20260102/eu-west-1/secretsmanager/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=",
    );
    expect(JSON.stringify(asked)).not.toContain("access-secret");
  });

  test.each([
    ["the whole path is a name", { "a/b/c": "all" }, "a/b/c", ["a/b/c"], found("all")],
    [
      "the longest name there is counts",
      { "a/b": '{"c":"inner"}', a: '{"b/c":"outer"}' },
      "a/b/c",
      ["a/b/c", "a/b"],
      found("inner"),
    ],
    [
      "the rest is one member, slashes and all",
      { a: '{"b/c":"outer"}' },
      "a/b/c",
      ["a/b/c", "a/b", "a"],
      found("outer"),
    ],
    [
      "there is none",
      {},
      "a/b",
      ["a/b", "a"],
      { kind: "missing", reason: "AWS has no secret of that name" },
    ],
    [
      "it holds no JSON",
      { a: "text" },
      "a/b",
      ["a/b", "a"],
      { kind: "missing", reason: "the secret does not hold JSON" },
    ],
  ] as const)("%s", async (_, secrets, path, names, expected) => {
    answer = withSecrets(secrets);
    expect<unknown>(await lookUp(aws, conf(), path)).toEqual(expected);
    expect(asked.map(({ body }) => JSON.parse(body).SecretId)).toEqual([...names]);
  });

  test("what it refuses is told by its name alone", async () => {
    answer = () =>
      Response.json(
        { __type: "com.amazonaws#UnrecognizedClientException", message: "token of id" },
        { status: 400 },
      );
    expect(await lookUp(aws, conf(), "a/b")).toEqual({
      kind: "failed",
      reason: "AWS answered 400, UnrecognizedClientException",
    });
    expect(asked.length).toBe(1);
  });

  test("bytes are no text", async () => {
    answer = () => Response.json({ SecretBinary: "AAEC" });
    expect(await lookUp(aws, conf(), "a")).toMatchObject({ kind: "missing" });
  });
});

describe("Google Secret Manager", () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = String(privateKey.export({ type: "pkcs8", format: "pem" }));
  let now = Date.parse("2026-01-02T03:04:05Z");
  const account = (more: object = {}) => ({
    client_email: "robot@project.iam.gserviceaccount.com",
    private_key: key,
    project_id: "project",
    token_uri: `${url}/token`,
    entries_uri: `${url}/v1`,
    ...more,
  });
  const withSecrets =
    (secrets: Readonly<Record<string, string>>) =>
    ({ path, headers }: Asked) => {
      if (path === "/token") {
        return Response.json({ access_token: "access", token_type: "Bearer", expires_in: 3600 });
      }
      const name = /^\/v1\/projects\/project\/secrets\/([^/]+)\/versions\/latest:access$/.exec(
        path,
      );
      const value = secrets[decodeURIComponent(name?.[1] ?? "")];
      if (headers["authorization"] !== "Bearer access") return new Response(null, { status: 401 });
      return value === undefined
        ? Response.json({ error: { code: 404 } }, { status: 404 })
        : Response.json({ payload: { data: Buffer.from(value).toString("base64") } });
    };

  test("is asked as its API says, with an assertion that the account has signed", async () => {
    answer = withSecrets({ jack: '{"auth/key":"välue"}' });
    const gcp = createGcp(() => now);
    const conf = { auth_config: account() };
    expect(await lookUp(gcp, conf, "jack/auth/key")).toEqual(found("välue"));
    const form = new URLSearchParams(asked[0]?.body);
    expect(form.get("grant_type")).toBe("urn:ietf:params:oauth:grant-type:jwt-bearer");
    const [head = "", claims = "", signature = ""] = (form.get("assertion") ?? "").split(".");
    const signed = Buffer.from(`${head}.${claims}`);
    expect(verify("sha256", signed, publicKey, Buffer.from(signature, "base64url"))).toBe(true);
    expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toEqual({
      iss: "robot@project.iam.gserviceaccount.com",
      aud: `${url}/token`,
      scope: "https://www.googleapis.com/auth/cloud-platform",
      iat: now / 1000,
      exp: now / 1000 + 3600,
    });
  });

  test("the access token is kept until a minute before its end", async () => {
    answer = withSecrets({ jack: "value" });
    const gcp = createGcp(() => now);
    const conf = { auth_config: account() };
    const tokens = () => asked.filter(({ path }) => path === "/token").length;
    await lookUp(gcp, conf, "jack");
    now += 3_500_000;
    await lookUp(gcp, conf, "jack");
    expect(tokens()).toBe(1);
    now += 60_000;
    expect(await lookUp(gcp, conf, "jack")).toEqual(found("value"));
    expect(tokens()).toBe(2);
  });

  test("the account may be in a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "catena-gcp-"));
    const file = join(folder, "account.json");
    writeFileSync(file, JSON.stringify(account()));
    answer = withSecrets({ jack: "value" });
    try {
      expect(await lookUp(createGcp(Date.now), { auth_file: file }, "jack")).toEqual(
        found("value"),
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test.each([
    ["a file that is not there", { auth_file: "/nowhere" }, "fault: auth_file can't be read"],
    [
      "a private key that is none",
      { auth_config: { private_key: "not-a-key", token_uri: "http://127.0.0.1:1" } },
      "fault: the service account's private_key is none",
    ],
  ])("%s is told, and not what is in it", async (_, conf, expected) => {
    expect(await lookUp(createGcp(Date.now), conf, "jack")).toBe(expected);
  });

  test("a secret that is not there is missing, one that is refused is not", async () => {
    answer = withSecrets({});
    const conf = { auth_config: account() };
    expect(await lookUp(createGcp(Date.now), conf, "jack")).toEqual({
      kind: "missing",
      reason: "Google has no secret of that name",
    });
    answer = () => Response.json({ error: "invalid_grant" }, { status: 400 });
    expect(await lookUp(createGcp(Date.now), conf, "jack")).toBe(
      "fault: no access token: answered 400",
    );
  });
});
