import { isJsonObject, type JsonObject } from "@catena/schema";
import { memberOf, type SecretAnswer } from "../secret-answer.ts";
import type { ManagerClient } from "./manager-client.ts";
import { failed, missing, type SecretManagerCalls, textOf } from "./secret-manager.ts";

/**
 * HashiCorp Vault's KV engine (apisix/secret/vault.lua): the last part of the path is a member of the
 * document that the rest of it names, below the resource's `prefix`. Version 1, as APISIX, and
 * version 2, whose `prefix` ends with `/data` (developer.hashicorp.com/vault/api-docs/secret/kv).
 */
export const vault: SecretManagerCalls = {
  lookUp: async (conf, path, client) => {
    const slash = path.lastIndexOf("/");
    const [document, member] = [path.slice(0, slash), path.slice(slash + 1)];
    if (slash <= 0 || member === "") return missing("expected $secret://vault/ID/PATH/KEY");
    const url = urlOf(conf, document);
    if (url === null) return missing('"." and ".." are no parts of a path');
    const namespace = textOf(conf, "namespace");
    return await client
      .once(`vault ${namespace} ${textOf(conf, "token")} ${url}`, () => read(conf, url, client))
      .then((answer) => ("data" in answer ? memberOf(answer.data, member, "it") : answer));
  },
};

type Answer = SecretAnswer | { readonly data: JsonObject };

async function read(conf: JsonObject, url: string, client: ManagerClient): Promise<Answer> {
  const namespace = textOf(conf, "namespace");
  const { status, body } = await client.call({
    url,
    method: "GET",
    headers: {
      "X-Vault-Token": textOf(conf, "token"),
      ...(namespace === "" ? {} : { "X-Vault-Namespace": namespace }),
    },
  });
  if (status === 404) return missing("Vault has nothing of that path");
  if (status !== 200) return failed(`Vault answered ${status}`);
  const data = isJsonObject(body) ? body["data"] : undefined;
  if (!isJsonObject(data)) return failed("Vault's answer holds no data");
  // Version 2 puts the document beside what it knows of this version of it.
  const inner = data["data"];
  return isJsonObject(data["metadata"]) && isJsonObject(inner) ? { data: inner } : { data };
}

function urlOf(conf: JsonObject, document: string): string | null {
  const parts = `${textOf(conf, "prefix")}/${document}`.split("/").filter((part) => part !== "");
  if (parts.some((part) => part === "." || part === "..")) return null;
  const base = textOf(conf, "uri").replace(/\/+$/, "");
  return `${base}/v1/${parts.map(encodeURIComponent).join("/")}`;
}
