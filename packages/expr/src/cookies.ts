/**
 * Finds a cookie in a `Cookie` header. The last of several with one name counts, and a value ends at
 * a blank, as in the parser APISIX uses (lua-resty-cookie). Values are not decoded.
 */
export function findCookie(header: string, name: string): string | undefined {
  let found: string | undefined;
  for (let start = 0; start < header.length; ) {
    let end = header.indexOf(";", start);
    if (end < 0) end = header.length;
    while (start < end && isBlank(header.charCodeAt(start))) start++;
    if (header.startsWith(name, start) && header.charCodeAt(start + name.length) === 61 /* = */) {
      const valueStart = start + name.length + 1;
      if (valueStart <= end) found = header.slice(valueStart, valueEnd(header, valueStart, end));
    }
    start = end + 1;
  }
  return found;
}

/** The header without that cookie; empty when it was the only one. */
export function withoutCookie(header: string, name: string): string {
  return header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => !pair.startsWith(`${name}=`))
    .join("; ");
}

function valueEnd(header: string, start: number, end: number): number {
  for (let i = start; i < end; i++) if (isBlank(header.charCodeAt(i))) return i;
  return end;
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}
