import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { defineErrors } from "@catena/errors";
import type { Settings } from "@catena/gateway";

const adminKeyErrors = defineErrors({
  ADMIN_KEY_UNREADABLE: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { file: string; reason: string }) =>
      `the admin key file ${p.file} can't be used: ${p.reason}; mend it, remove it, or set CATENA_ADMIN_KEY`,
  },
});

/** A key and whether it was made just now, which is the only time it may be shown. */
export interface AdminKeyChoice {
  readonly key: string;
  readonly isNew: boolean;
  /** A warning for the operator; `null` when there is none. */
  readonly warning: string | null;
}

/** Printed in APISIX's documentation, so known to everybody. */
const publicKeys = new Set([
  "edd1c9f034335f136f87ad84b625c8f1",
  "4054f7cf07e344346cd3f287985e76a2",
]);

const publicKeyring = new Set(["qeddd145sfvddff3", "edd1c9f0985e76a2"]);

/** Warns of further keys that everybody knows; `null` when there is none. */
export function warnOfPublicKeys({ admin, keyring }: Settings): string | null {
  const warnings = [
    ...admin.keys
      .filter(({ key }) => publicKeys.has(key))
      .map(({ name }) => `the admin key of ${name} is one printed in APISIX's documentation`),
    ...(keyring.some((key) => publicKeyring.has(key))
      ? ["the keyring has a key that is APISIX's default: it hides nothing from who knows APISIX"]
      : []),
  ];
  return warnings.length === 0 ? null : warnings.join("; ");
}

const shortest = 16;

/**
 * The Admin API's key: the configured one, else that of the key file, else a new one, written to that
 * file for its owner alone.
 *
 * @throws ADMIN_KEY_UNREADABLE
 */
export function chooseAdminKey(
  settings: Pick<Settings, "adminKey" | "adminKeyFile">,
): AdminKeyChoice {
  if (settings.adminKey !== null) {
    const warning = publicKeys.has(settings.adminKey)
      ? "the admin key is one printed in APISIX's documentation: anyone who reaches the Admin API has it"
      : null;
    return { key: settings.adminKey, isNew: false, warning };
  }
  const file = settings.adminKeyFile;
  try {
    if (existsSync(file)) {
      const key = readFileSync(file, "utf8").trim();
      if (key.length < shortest)
        throw new Error(`it holds no key of at least ${shortest} characters`);
      return { key, isNew: false, warning: null };
    }
    const key = randomBytes(24).toString("hex");
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // Two gateways that start at once must end up with one key: the second fails and reads again.
    writeFileSync(file, `${key}\n`, { mode: 0o600, flag: "wx" });
    return { key, isNew: true, warning: null };
  } catch (cause) {
    if (isExists(cause)) return chooseAdminKey(settings);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw adminKeyErrors.ADMIN_KEY_UNREADABLE({ file, reason }, cause);
  }
}

function isExists(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EEXIST";
}
