import { apisixMessage, type Kind } from "@catena/schema";
import type { AdminContext } from "../admin-context.ts";
import { checkCertificates } from "./check-certificates.ts";

/**
 * Checks a document by everything that needs no store: schema, plugins, rules beyond them, and for
 * certificates that they can be read.
 *
 * @param id the resource's id; decides the schema of a secret and of a plugin's metadata.
 * @returns the first finding in APISIX's words, or `null`
 */
export function checkDocument(
  context: AdminContext,
  kind: Kind,
  document: unknown,
  id: string,
): string | null {
  const { registry, checkExpression, cipher } = context;
  const message = apisixMessage(kind, document, {
    registry,
    id,
    ...(checkExpression === undefined ? {} : { checkExpression }),
  });
  if (message !== null || kind !== "ssls") return message;
  return checkCertificates(document, cipher);
}
