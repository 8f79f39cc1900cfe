import { isJsonObject, type JsonObject } from "@catena/schema";
import { type Environment, readEnvironmentSecret } from "./environment-secret.ts";
import { createAws } from "./managers/aws.ts";
import { createGcp } from "./managers/gcp.ts";
import {
  createManagerClient,
  type ManagerClient,
  type ManagerClientOptions,
  ManagerFault,
} from "./managers/manager-client.ts";
import type { SecretManagerCalls } from "./managers/secret-manager.ts";
import { vault } from "./managers/vault.ts";
import type { SecretAnswer } from "./secret-answer.ts";
import { parseReference, type SecretReference } from "./secret-reference.ts";

/** How secrets are looked up by manager, and with what client. */
export interface SecretManagers {
  readonly calls: Readonly<Record<string, SecretManagerCalls>>;
  /** A client for one round of questions. */
  client(): ManagerClient;
}

/** All managers there are. */
export function createSecretManagers(options: ManagerClientOptions): SecretManagers {
  return {
    calls: { vault, aws: createAws(Date.now), gcp: createGcp(Date.now) },
    client: () => createManagerClient(options),
  };
}

export interface LookUpOptions<E> {
  readonly managers: SecretManagers;
  readonly environment: Environment;
  readonly resource: (id: string) => JsonObject | undefined;
  readonly onAnswer: (entry: E, answer: SecretAnswer) => void;
}

/** Questions to managers at a time. */
const concurrency = 8;

/**
 * Asks managers for secrets, each document of theirs once. Never rejects; an answer is handed over as
 * soon as it is there.
 */
export async function lookUpSecrets<E extends { readonly reference: SecretReference }>(
  entries: readonly E[],
  options: LookUpOptions<E>,
): Promise<void> {
  const client = options.managers.client();
  const left = entries.values();
  // The workers share one iterator: each takes the next that nobody has taken.
  const work = async (): Promise<void> => {
    for (const entry of left) {
      options.onAnswer(entry, await lookUp(entry.reference, client, options));
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, entries.length) }, work));
}

async function lookUp<E>(
  reference: SecretReference,
  client: ManagerClient,
  { managers, environment, resource }: LookUpOptions<E>,
): Promise<SecretAnswer> {
  if (reference.source !== "manager") return { kind: "missing", reason: "no manager has it" };
  const conf = resource(reference.id);
  if (conf === undefined) {
    return { kind: "missing", reason: `there is no secrets/${reference.id}` };
  }
  const calls = managers.calls[reference.manager];
  if (calls === undefined) {
    return { kind: "missing", reason: `${reference.manager} is not supported` };
  }
  try {
    return await calls.lookUp(withEnvironment(conf, environment), reference.path, client);
  } catch (error) {
    // Whatever else was thrown may quote what was sent.
    const reason = error instanceof ManagerFault ? error.message : "the manager can't be asked";
    return { kind: "failed", reason };
  }
}

/**
 * A manager's own credentials may be in the environment (apisix/secret/vault.lua). What is not set stays
 * a reference, which no manager takes.
 */
function withEnvironment(conf: JsonObject, environment: Environment): JsonObject {
  const entries = Object.entries(conf).map(([name, value]) => {
    if (isJsonObject(value)) return [name, withEnvironment(value, environment)] as const;
    if (typeof value !== "string") return [name, value] as const;
    const reference = parseReference(value);
    if (reference.source !== "environment") return [name, value] as const;
    const answer = readEnvironmentSecret(environment, reference.name, reference.member);
    return [name, answer.kind === "found" ? answer.value : value] as const;
  });
  return Object.fromEntries(entries);
}
