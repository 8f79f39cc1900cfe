import type { StoredValue } from "@catena/ir";

const authorization: StoredValue = { $ref: ["input", "headers", "authorization"] };

/** The headers by which a call passes the client's `Authorization` on. */
export const callerAuthorization: Readonly<Record<string, StoredValue>> = { authorization };

/**
 * As above where a header of the client holds the token: `Authorization: Bearer TOKEN`, the scheme
 * not doubled, and the client's `Authorization` when the header is absent.
 */
export function tokenAuthorization(tokenHeader: string): Readonly<Record<string, StoredValue>> {
  const token: StoredValue = { $ref: ["input", "headers", tokenHeader.toLowerCase()] };
  const bearer: StoredValue = {
    $op: "if",
    args: [
      { $op: "startsWith", args: [token, "Bearer "] },
      token,
      { $op: "tpl", args: ["Bearer ", token] },
    ],
  };
  return { authorization: { $op: "coalesce", args: [bearer, authorization] } };
}
