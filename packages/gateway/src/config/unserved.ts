import type { Issue } from "@catena/errors";
import type { Kind } from "@catena/schema";

/**
 * What is valid in APISIX and can't be served here. It is refused when it is read, by name and with a
 * way out, instead of being ignored: a route without its condition would take requests it must not.
 */
export function findUnserved(kind: Kind, value: unknown): readonly Issue[] {
  if (kind !== "routes" || typeof value !== "object" || value === null) return [];
  return Object.entries(unservedRouteFields).flatMap(([field, wayOut]) =>
    field in value
      ? [
          {
            path: `/${field}`,
            code: "NOT_SERVED",
            message: `a route with ${field} is not served`,
            expected: wayOut,
          },
        ]
      : [],
  );
}

const unservedRouteFields: Readonly<Record<string, string>> = {
  remote_addr: "no condition on the client's address",
  remote_addrs: "no condition on the client's address",
  vars: "no vars",
};
