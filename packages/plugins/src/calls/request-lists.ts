type Listing = Record<string, string | string[]>;

/** Headers by their names in lower case; several of a name are a list. */
export function headersOf(flat: readonly string[]): Listing {
  const headers = listing();
  for (let i = 0; i + 1 < flat.length; i += 2)
    append(headers, (flat[i] ?? "").toLowerCase(), flat[i + 1] ?? "");
  return headers;
}

/** Query arguments by name; several of a name are a list. */
export function argumentsOf(query: string): Listing {
  const found = listing();
  for (const [name, value] of new URLSearchParams(query)) append(found, name, value);
  return found;
}

/** Names are clients': none of them may be taken for one of an object's own. */
function listing(): Listing {
  return Object.create(null) as Listing; // without a prototype it has no members at all
}

function append(to: Listing, name: string, value: string): void {
  const known = to[name];
  if (known === undefined) to[name] = value;
  else to[name] = typeof known === "string" ? [known, value] : [...known, value];
}
