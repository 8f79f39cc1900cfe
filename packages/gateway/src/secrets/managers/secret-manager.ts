import type { JsonObject } from "@catena/schema";
import type { SecretAnswer } from "../secret-answer.ts";
import type { ManagerClient } from "./manager-client.ts";

/** Where secrets are kept: looks one up with what a `secrets` resource says of it. */
export interface SecretManagerCalls {
  /**
   * @param conf the `secrets` resource; references to the environment in it are replaced already.
   * @param path what the reference says after the resource's id.
   * @throws ManagerFault
   */
  lookUp(conf: JsonObject, path: string, client: ManagerClient): Promise<SecretAnswer>;
}

export function textOf(conf: JsonObject, name: string): string {
  const value = conf[name];
  return typeof value === "string" ? value : "";
}

export function failed(reason: string): SecretAnswer {
  return { kind: "failed", reason };
}

export function missing(reason: string): SecretAnswer {
  return { kind: "missing", reason };
}
