import type { ClientCertificate } from "@catena/upstream";
import type { ResourceTable } from "./resource-table.ts";

/** Finds what `tls.client_cert_id` of an upstream names: an `ssls` item of type `client`, in use. */
export function findClientCertificate(table: ResourceTable, id: string): ClientCertificate | null {
  const ssl = table.get("ssls", id);
  if (ssl === undefined || ssl.type !== "client" || ssl.status === 0) return null;
  const { cert, key } = ssl;
  return cert === undefined || key === undefined ? null : { certificate: cert, key };
}
