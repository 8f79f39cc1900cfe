import { isSecretManager, isSecretReference, type SecretManager } from "@catena/schema";

/** What a reference to a secret says, taken apart. */
export type SecretReference =
  | { readonly source: "environment"; readonly name: string; readonly member: string | null }
  | {
      readonly source: "manager";
      readonly manager: SecretManager;
      /** Of the `secrets` resource, with its manager: `vault/1`. */
      readonly id: string;
      /** What the manager is asked for; how it is read is the manager's. */
      readonly path: string;
    }
  | { readonly source: "none"; readonly reason: string };

const environmentPrefix = "$env://";
const managerPrefix = "$secret://";

/**
 * Takes a reference apart: `$env://NAME[/MEMBER]`, in which `env` may be in capitals, or
 * `$secret://MANAGER/ID/PATH` (apisix/secret.lua, apisix/core/env.lua).
 */
export function parseReference(text: string): SecretReference {
  if (!isSecretReference(text)) return { source: "none", reason: "it is no reference" };
  if (!text.startsWith(managerPrefix)) {
    const path = text.slice(environmentPrefix.length);
    const slash = path.indexOf("/");
    const member = slash < 0 ? "" : path.slice(slash + 1);
    const name = slash < 0 ? path : path.slice(0, slash);
    return { source: "environment", name, member: member === "" ? null : member };
  }
  const [manager = "", id = "", ...rest] = text.slice(managerPrefix.length).split("/");
  const path = rest.join("/");
  if (!isSecretManager(manager)) {
    return { source: "none", reason: `there is no secret manager "${manager}"` };
  }
  if (id === "" || path === "") {
    return { source: "none", reason: `expected ${managerPrefix}${manager}/ID/PATH` };
  }
  return { source: "manager", manager, id: `${manager}/${id}`, path };
}
