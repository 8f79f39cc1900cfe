import { isJsonObject, type JsonObject } from "@catena/schema";
import { memberText, type SecretAnswer } from "../secret-answer.ts";
import { signAwsCall } from "./aws-signature.ts";
import { type ManagerClient, ManagerFault } from "./manager-client.ts";
import { failed, missing, type SecretManagerCalls, textOf } from "./secret-manager.ts";

/**
 * AWS Secrets Manager (apisix/secret/aws.lua; docs.aws.amazon.com/secretsmanager, GetSecretValue). The
 * path is a secret's name and, behind a slash, a member of the JSON that it holds. Names may have
 * slashes: the longest name that exists is meant.
 *
 * @param now milliseconds since 1970, for signatures.
 */
export function createAws(now: () => number): SecretManagerCalls {
  return {
    lookUp: async (conf, path, client) => {
      if (path.startsWith("/")) return missing("expected $secret://aws/ID/NAME[/KEY]");
      for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
        const name = path.slice(0, end);
        const answer = await client.once(`aws ${keyOf(conf)} ${name}`, () =>
          getValue(conf, name, client, now),
        );
        if (answer.kind === "failed") return answer;
        if (answer.kind === "missing") continue;
        const member = path.slice(end + 1);
        return member === "" ? answer : memberText(answer.value, member, "the secret");
      }
      return missing("AWS has no secret of that name");
    },
  };
}

/** Two resources may name different accounts. */
function keyOf(conf: JsonObject): string {
  return JSON.stringify([
    conf["access_key_id"],
    conf["secret_access_key"],
    conf["session_token"],
    conf["region"],
    conf["endpoint_url"],
  ]);
}

async function getValue(
  conf: JsonObject,
  name: string,
  client: ManagerClient,
  now: () => number,
): Promise<SecretAnswer> {
  const region = textOf(conf, "region") || "us-east-1";
  const endpoint = textOf(conf, "endpoint_url") || `https://secretsmanager.${region}.amazonaws.com`;
  const url = URL.parse(endpoint);
  if (url === null) throw new ManagerFault("its address is not an http or https URL");
  const body = JSON.stringify({ SecretId: name, VersionStage: "AWSCURRENT" });
  const { host: _, ...headers } = signAwsCall(
    {
      method: "POST",
      host: url.host,
      path: "/",
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "secretsmanager.GetSecretValue",
      },
      body,
      region,
      service: "secretsmanager",
      at: new Date(now()),
    },
    {
      accessKeyId: textOf(conf, "access_key_id"),
      secretAccessKey: textOf(conf, "secret_access_key"),
      sessionToken: textOf(conf, "session_token"),
    },
  );
  const reply = await client.call({ url: `${url.origin}/`, method: "POST", headers, body });
  return toAnswer(reply.status, isJsonObject(reply.body) ? reply.body : {});
}

function toAnswer(status: number, body: JsonObject): SecretAnswer {
  const type = textOf(body, "__type");
  if (type.includes("ResourceNotFoundException")) return missing("AWS has no secret of that name");
  // The name of an exception is of AWS's own list; anything else may say more than it should.
  const named = /(?:^|#)([A-Za-z]{1,64})$/.exec(type)?.[1];
  if (status !== 200) return failed(`AWS answered ${status}${named ? `, ${named}` : ""}`);
  const value = body["SecretString"];
  return typeof value === "string"
    ? { kind: "found", value }
    : missing("the secret holds no text (SecretString)");
}
