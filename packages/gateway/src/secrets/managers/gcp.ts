import { createHash, createPrivateKey, sign } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { isJsonObject, type JsonObject } from "@catena/schema";
import { memberText, type SecretAnswer } from "../secret-answer.ts";
import { type ManagerClient, ManagerFault } from "./manager-client.ts";
import { failed, missing, type SecretManagerCalls, textOf } from "./secret-manager.ts";

const defaults = {
  token_uri: "https://oauth2.googleapis.com/token",
  entries_uri: "https://secretmanager.googleapis.com/v1",
  scope: ["https://www.googleapis.com/auth/cloud-platform"],
} as const;

/** Largest file of a service account that is read; they have some two kilobytes. */
const maxFileBytes = 64 * 1024;

interface Token {
  readonly text: string;
  readonly type: string;
  /** Milliseconds since 1970. */
  readonly usableUntil: number;
}

/** Access tokens kept at a time; service accounts beyond them get one per round. */
const maxTokens = 64;

/**
 * Google Secret Manager (apisix/secret/gcp.lua; cloud.google.com/secret-manager, `versions.access`). The
 * path is a secret's name and, behind the first slash, a member of the JSON that it holds. The service
 * account signs for its access token (RFC 7523), which is kept until a minute before its end.
 *
 * @param now milliseconds since 1970.
 */
export function createGcp(now: () => number): SecretManagerCalls {
  const tokens = new Map<string, Token>();
  return {
    lookUp: async (conf, path, client) => {
      const [name = "", ...rest] = path.split("/");
      if (name === "") return missing("expected $secret://gcp/ID/NAME[/KEY]");
      const account = readAccount(conf);
      const verify = conf["ssl_verify"] !== false;
      const key = accountKey(account);
      const token = await client.once(`gcp token ${key}`, async () => {
        const kept = tokens.get(key);
        if (kept !== undefined && kept.usableUntil > now()) return kept;
        const fresh = await getToken(account, client, verify, now());
        if (tokens.size >= maxTokens) tokens.clear();
        tokens.set(key, fresh);
        return fresh;
      });
      const answer = await client.once(`gcp ${key} ${name}`, () =>
        access(account, name, token, client, verify),
      );
      const member = rest.join("/");
      if (answer.kind !== "found" || member === "") return answer;
      return memberText(answer.value, member, "the secret");
    },
  };
}

/** @throws ManagerFault */
function readAccount(conf: JsonObject): JsonObject {
  const given = conf["auth_config"];
  if (isJsonObject(given)) return given;
  const file = textOf(conf, "auth_file");
  let content: unknown;
  try {
    if (statSync(file).size > maxFileBytes) throw new ManagerFault("auth_file is too large");
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw error instanceof ManagerFault ? error : new ManagerFault("auth_file can't be read");
  }
  if (isJsonObject(content)) return content;
  throw new ManagerFault("auth_file holds no service account");
}

function accountKey(account: JsonObject): string {
  return createHash("sha256").update(JSON.stringify(account)).digest("hex");
}

/** @throws ManagerFault */
async function getToken(
  account: JsonObject,
  client: ManagerClient,
  verify: boolean,
  nowMs: number,
): Promise<Token> {
  const url = textOf(account, "token_uri") || defaults.token_uri;
  const grant = new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    assertion: signAssertion(account, url, Math.floor(nowMs / 1000)),
  });
  const { status, body } = await client.call({
    url,
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: grant.toString(),
    verify,
  });
  const reply = isJsonObject(body) ? body : {};
  const text = textOf(reply, "access_token");
  if (status !== 200 || text === "") throw new ManagerFault(`no access token: answered ${status}`);
  const seconds = typeof reply["expires_in"] === "number" ? reply["expires_in"] : 0;
  return {
    text,
    type: textOf(reply, "token_type") || "Bearer",
    usableUntil: nowMs + (seconds - 60) * 1000,
  };
}

/** @throws ManagerFault */
function signAssertion(account: JsonObject, audience: string, issuedAt: number): string {
  const { scope = defaults.scope } = account;
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = {
    iss: textOf(account, "client_email"),
    aud: audience,
    scope: Array.isArray(scope) ? scope.join(" ") : scope,
    iat: issuedAt,
    exp: issuedAt + 3600,
  };
  const text = `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}`;
  try {
    const key = createPrivateKey(textOf(account, "private_key"));
    return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
  } catch {
    throw new ManagerFault("the service account's private_key is none");
  }
}

async function access(
  account: JsonObject,
  name: string,
  token: Token,
  client: ManagerClient,
  verify: boolean,
): Promise<SecretAnswer> {
  const base = (textOf(account, "entries_uri") || defaults.entries_uri).replace(/\/+$/, "");
  const project = encodeURIComponent(textOf(account, "project_id"));
  const { status, body } = await client.call({
    url: `${base}/projects/${project}/secrets/${encodeURIComponent(name)}/versions/latest:access`,
    method: "GET",
    headers: { Authorization: `${token.type} ${token.text}` },
    verify,
  });
  if (status === 404) return missing("Google has no secret of that name");
  if (status !== 200) return failed(`Google answered ${status}`);
  const payload = isJsonObject(body) ? body["payload"] : undefined;
  const data = isJsonObject(payload) ? payload["data"] : undefined;
  if (typeof data !== "string") return failed("Google's answer holds no payload");
  return { kind: "found", value: Buffer.from(data, "base64").toString("utf8") };
}
