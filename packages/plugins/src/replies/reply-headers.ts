/** First value of a header in a flat list; `name` in lower case. */
export function readHeader(headers: readonly string[], name: string): string | null {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (isHeader(headers[i], name)) return headers[i + 1] ?? null;
  }
  return null;
}

/** Removes every header of a name (lower case) from a flat list, in place. */
export function removeHeader(headers: string[], name: string): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if (isHeader(headers[i], name)) headers.splice(i, 2);
  }
}

/** Puts one header in the place of all of its name, in place. */
export function setHeader(headers: string[], name: string, value: string): void {
  removeHeader(headers, name.toLowerCase());
  headers.push(name, value);
}

/** Removes what no longer holds once the body is another one. */
export function forgetBodyHeaders(headers: string[]): void {
  for (const name of ["content-length", "content-encoding", "last-modified", "etag"]) {
    removeHeader(headers, name);
  }
}

function isHeader(header: string | undefined, name: string): boolean {
  return header?.length === name.length && header.toLowerCase() === name;
}
