import { describe, expect, test } from "bun:test";
import { createCipheriv } from "node:crypto";
import { jweDecrypt } from "./jwe-decrypt.ts";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";

const secret = "12345678901234567890123456789012";
const encoded = Buffer.from(secret.replace("1", "é").slice(0, 31)).toString("base64url");

const consumers = {
  jack: { "jwe-decrypt": { key: "jk", secret } },
  bob: { "jwe-decrypt": { key: "bk", secret: encoded, is_base64_encoded: true } },
};

function seal(header: object, text: string, key: Uint8Array | string = secret): string {
  const iv = Buffer.alloc(12, 7);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  const ciphertext = Buffer.concat([cipher.update(text), cipher.final()]);
  const head = Buffer.from(JSON.stringify(header)).toString("base64url");
  const parts = [iv, ciphertext, cipher.getAuthTag()].map((part) => part.toString("base64url"));
  return [head, "", ...parts].join(".");
}

const head = { alg: "dir", enc: "A256GCM" };
const conf = { header: "Authorization", forward_header: "X-Content" };
const bed = new PluginBed([[jweDecrypt, conf]], { consumers });

describe("a token", () => {
  const good = seal({ ...head, kid: "jk" }, "hello");
  const cases: [name: string, value: string | null, status: number, result: string][] = [
    ["is decrypted", good, 200, "hello"],
    ["may have the word Bearer before it", `Bearer ${good}`, 200, "hello"],
    [
      "is decrypted with a secret in base64",
      seal({ ...head, kid: "bk" }, "b", Buffer.from(encoded, "base64url")),
      200,
      "b",
    ],
    ["can't add headers", seal({ ...head, kid: "jk" }, "a\r\nX-B: 1"), 200, "a%0D%0AX-B: 1"],
    ["is missing", null, 403, "missing JWE token in request"],
    ["is none", "abc", 400, "JWE token invalid"],
    ["has no JSON at its head", "!.a.a.a.a", 400, "JWE token invalid"],
    ["names nobody", seal(head, "x"), 400, "missing kid in JWE token"],
    ["names somebody unknown", seal({ ...head, kid: "no" }, "x"), 400, "invalid kid in JWE token"],
    ["is another's", seal({ ...head, kid: "bk" }, "x"), 400, "failed to decrypt JWE token"],
    ["has a short tag", good.slice(0, -6), 400, "failed to decrypt JWE token"],
  ];
  test.each(cases)("%s", async (_, value, status, result) => {
    const answer = await bed.ask({ headers: value === null ? {} : { authorization: value } });
    expect(answer.status).toBe(status);
    if (status === 200) expect(answer.upstream?.headers["x-content"]).toBe(result);
    else expect(JSON.parse(answer.body)).toEqual({ message: result });
  });
});

test("requests without a token pass where they may", async () => {
  const lenient = new PluginBed([[jweDecrypt, { ...conf, strict: false }]]);
  expect((await lenient.ask()).status).toBe(200);
});

test.each([
  [{ key: "a", secret }, null],
  [{ key: "a", secret: encoded, is_base64_encoded: true }, null],
  [{ key: "a", secret: "short" }, "the secret length should be 32 chars"],
  [
    { key: "a", secret: "c2hvcnQ", is_base64_encoded: true },
    "the secret length after base64 decode should be 32 chars",
  ],
  [{ key: "a", secret: "$env://SECRET" }, null],
])("what a consumer holds: %j", (held, problem) => {
  expect(problemsOf(jweDecrypt, held, "consumer")[0]?.message ?? null).toBe(problem);
});
