import type { SecretAnswer } from "./secret-answer.ts";
import { memberText } from "./secret-answer.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The gateway's own variables: they hold its keys and how to get into its store. */
const ownPrefix = "CATENA_";

/**
 * Reads an environment variable for configuration: whoever may write configuration may have any of
 * them but the gateway's own.
 *
 * @param member of the JSON object that the variable holds; `null` for all of it.
 */
export function readEnvironmentSecret(
  environment: Environment,
  name: string,
  member: string | null,
): SecretAnswer {
  if (name.toUpperCase().startsWith(ownPrefix)) {
    return { kind: "missing", reason: `variables named ${ownPrefix}… are the gateway's own` };
  }
  const value = environment[name];
  if (value === undefined) return { kind: "missing", reason: "the variable is not set" };
  return member === null ? { kind: "found", value } : memberText(value, member, "the variable");
}
