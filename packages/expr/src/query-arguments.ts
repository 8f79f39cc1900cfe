/**
 * Finds the first value of a query argument, decoded; `true` for one without `=`. Names are case
 * sensitive. Nothing is kept: a scan of a usual query is cheaper than a table of it.
 */
export function findArgument(query: string, name: string): string | true | undefined {
  let equals = -1;
  for (let start = 0; start < query.length; ) {
    let end = query.indexOf("&", start);
    if (end < 0) end = query.length;
    // Looked for anew only when passed: a query of many `&` and no `=` must not be scanned each time.
    if (equals < start) equals = query.indexOf("=", start);
    if (equals < 0) equals = query.length;
    const nameEnd = Math.min(equals, end);
    if (isName(query, start, nameEnd, name)) {
      return nameEnd === end ? true : decodeComponent(query.slice(nameEnd + 1, end));
    }
    start = end + 1;
  }
  return undefined;
}

/** The query without any pair of that name; the other pairs stay as they were written. */
export function withoutArgument(query: string, name: string): string {
  return query
    .split("&")
    .filter((pair) => {
      const equals = pair.indexOf("=");
      return !isName(pair, 0, equals < 0 ? pair.length : equals, name);
    })
    .join("&");
}

/** Decodes `%XX` and `+`; what is no valid escape stays as it is, invalid UTF-8 becomes U+FFFD. */
export function decodeComponent(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return decodeLeniently(spaced);
  }
}

function isName(query: string, start: number, end: number, name: string): boolean {
  if (end - start === name.length) {
    if (query.startsWith(name, start)) return name.length > 0;
    return name.includes(" ") && decodeComponent(query.slice(start, end)) === name;
  }
  // An encoded name is longer than what it stands for.
  return (
    end - start > name.length &&
    query.slice(start, end).includes("%") &&
    decodeComponent(query.slice(start, end)) === name
  );
}

function decodeLeniently(text: string): string {
  const source = Buffer.from(text);
  const bytes = Buffer.alloc(source.length);
  let length = 0;
  for (let i = 0; i < source.length; i++) {
    const digits = source[i] === 0x25 ? source.toString("latin1", i + 1, i + 3) : "";
    if (/^[0-9a-f]{2}$/i.test(digits)) {
      bytes[length++] = Number.parseInt(digits, 16);
      i += 2;
    } else {
      // The loop bound makes the element present.
      bytes[length++] = source[i] as number;
    }
  }
  return bytes.toString("utf8", 0, length);
}
