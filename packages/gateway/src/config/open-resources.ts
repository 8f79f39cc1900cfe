import { rootCertificates } from "node:tls";
import { checkExpression } from "@catena/expr";
import { plugins } from "@catena/plugins";
import { createFieldCipher } from "@catena/schema";
import type { Log } from "../log.ts";
import { createSecretManagers } from "../secrets/look-up-secrets.ts";
import { SecretBook } from "../secrets/secret-book.ts";
import type { Settings } from "../settings/settings.ts";
import { ResourceTable } from "./resource-table.ts";

export interface ResourceOptions {
  readonly log: Log;
  /** Told when secrets that resources hold are others than before. */
  readonly onSecrets: () => void;
}

/**
 * Makes an empty table of resources that decrypts what it is given with the settings' keyring and
 * follows references to secrets. Its book of secrets is to be stopped in the end.
 */
export function openResources(settings: Settings, options: ResourceOptions): ResourceTable {
  const { ttlSeconds, retrySeconds, timeoutMs, references } = settings.secrets;
  const { ca } = settings.tls;
  const secrets: SecretBook = new SecretBook({
    environment: Bun.env,
    resource: (id) => table.get("secrets", id),
    managers: createSecretManagers({
      timeoutMs,
      ...(ca === null ? {} : { ca: [...rootCertificates, ca] }),
    }),
    ttlMs: ttlSeconds * 1000,
    retryMs: retrySeconds * 1000,
    // A manager that wants to know who asks is called twice.
    waitMs: timeoutMs * 2,
    maxReferences: references,
    onChange: options.onSecrets,
    log: options.log,
  });
  const table = new ResourceTable(settings.prefix, {
    registry: plugins.registry,
    checkExpression,
    cipher: createFieldCipher(settings.keyring, plugins.registry),
    secrets,
  });
  return table;
}
