import { checkSameMatch, type StoredResource } from "@catena/dsl";
import type { Issue } from "@catena/errors";
import { checkExpression } from "@catena/expr";
import { plugins } from "@catena/plugins";
import { type FieldCipher, formatName, parseResource } from "@catena/schema";

/**
 * Finds what keeps pulled resources from being compiled again: a store may hold what other versions, or
 * APISIX with other plugins, put there.
 *
 * @param resources decrypted.
 */
export function checkPulled(
  resources: readonly StoredResource[],
  cipher: FieldCipher,
): readonly Issue[] {
  const { registry } = plugins;
  const issues = resources.flatMap(({ kind, id, value }) => [
    ...parseResource(kind, value, { id, registry, checkExpression }).issues,
    ...(cipher.countSealed(kind, value) > 0 ? [sealed(formatName({ kind, id }))] : []),
  ]);
  const located = resources.map((resource) => ({ ...resource, source: undefined }));
  return [...issues, ...checkSameMatch(located)];
}

function sealed(resource: string): Issue {
  return {
    path: "",
    code: "PULL_SEALED",
    message: "holds what no key of the keyring decrypts; it is taken as it is stored",
    resource,
  };
}
