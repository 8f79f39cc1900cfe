export interface PathParameter {
  readonly name: string;
  /** Takes several segments. */
  readonly isDeep: boolean;
}

/** A route's path as OpenAPI writes it. */
export interface PathTemplate {
  /** `/users/{id}` */
  readonly path: string;
  /** What is in braces, from left to right, each once. */
  readonly params: readonly PathParameter[];
}

/**
 * `/users/:id` is `/users/{id}`; what a `*` takes is called `path`, or what follows it. A prefix that
 * ends within a segment (`/img*`) has no form in OpenAPI but that of one that ends before it.
 *
 * @param hasParameters whether the gateway's router takes `:id` for a parameter in a path without `*`.
 */
export function pathTemplate(uri: string, hasParameters: boolean): PathTemplate {
  const isText = !hasParameters && !uri.includes("*");
  const slashed = uri.replace(/^\*/, "/*").replace(/([^/])\*$/, "$1/*");
  const params: PathParameter[] = [];
  const path = slashed.split("/").map((segment) => {
    const name = isText ? null : captureOf(segment);
    // Braces mean nothing in a route's path.
    if (name === null) return segment.replaceAll("{", "%7B").replaceAll("}", "%7D");
    const unique = uniqueAmong(params, name);
    params.push({ name: unique, isDeep: segment.startsWith("*") });
    return `{${unique}}`;
  });
  return { path: path.join("/"), params };
}

/** The name under which a segment is captured; `null` for one that stands for itself. */
function captureOf(segment: string): string | null {
  const [sign] = segment;
  if (sign === ":" && segment.length > 1) return nameOf(segment.slice(1));
  return sign === "*" ? nameOf(segment.slice(1)) : null;
}

function nameOf(text: string): string {
  return text.replaceAll(/[{}*]/g, "_") || "path";
}

function uniqueAmong(taken: readonly PathParameter[], name: string): string {
  let unique = name;
  for (let n = 2; taken.some((param) => param.name === unique); n++) unique = `${name}${n}`;
  return unique;
}
