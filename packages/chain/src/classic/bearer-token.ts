import type { ChainRequest } from "../chain-request.ts";
import { chainErrors } from "../errors.ts";

const BEARER = /^bearer(?: +|$)/i;
/** Schemes whose credentials are one token68 (RFC 9110 §11.2), so a comma means a repeated header. */
const SINGLE_TOKEN = /^(?:bearer|basic) /i;

/**
 * What the services and the upstream get as `Authorization`: the token header's value, else the
 * client's own. A token is written `Bearer TOKEN` once, whether or not it came with `Bearer`; another
 * scheme in `Authorization` passes unchanged (the Lua plugin writes `Bearer Basic …`).
 *
 * @param tokenHeader in lower case; `null` to use `Authorization` only.
 * @returns `null` when there is no token.
 * @throws CHAIN_TOKEN_AMBIGUOUS (400) for a header given twice. HTTP servers may have joined the two
 *   with a comma, which a bearer token cannot contain (RFC 6750 §2.1).
 */
export function bearerToken(request: ChainRequest, tokenHeader: string | null): string | null {
  if (tokenHeader !== null) {
    const token = request.header(tokenHeader);
    if (token !== null && token !== "") {
      if (token.includes(",") || isRepeated(request, tokenHeader))
        throw chainErrors.CHAIN_TOKEN_AMBIGUOUS({ header: tokenHeader });
      const bare = token.replace(BEARER, "");
      if (bare !== "") return `Bearer ${bare}`;
    }
  }
  const authorization = request.header("authorization");
  if (authorization === null || authorization === "") return null;
  if (SINGLE_TOKEN.test(authorization) && authorization.includes(","))
    throw chainErrors.CHAIN_TOKEN_AMBIGUOUS({ header: "authorization" });
  if (isRepeated(request, "authorization"))
    throw chainErrors.CHAIN_TOKEN_AMBIGUOUS({ header: "authorization" });
  if (!BEARER.test(authorization)) return authorization;
  const bare = authorization.replace(BEARER, "");
  return bare === "" ? null : `Bearer ${bare}`;
}

function isRepeated(request: ChainRequest, name: string): boolean {
  const list = request.headerList();
  let seen = 0;
  for (let i = 0; i < list.length; i += 2) {
    const other = list[i] ?? "";
    if (other.length === name.length && other.toLowerCase() === name) seen++;
  }
  return seen > 1;
}
