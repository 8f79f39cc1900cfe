/** What a JUnit file of `bun test` says. */
export interface TestReport {
  readonly passed: number;
  /** `file > describe > test`, in the order they ran. */
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
  /** Test files of which at least one test is in the report. */
  readonly files: ReadonlySet<string>;
}

/**
 * Reads the report that `bun test --reporter=junit` writes. Only the elements `testcase`, `failure`,
 * `error` and `skipped` matter; in that file text and attributes are always escaped, so a tag can be
 * told by its angle brackets.
 */
export function parseJunit(xml: string): TestReport {
  let passed = 0;
  const failed: string[] = [];
  const skipped: string[] = [];
  const files = new Set<string>();
  for (const match of xml.matchAll(/<testcase\b([^>]*?)(\/?)>/g)) {
    const [tag, attributes = "", isEmpty] = match;
    const after = match.index + tag.length;
    const body = isEmpty === "/" ? "" : xml.slice(after, xml.indexOf("</testcase>", after));
    const file = attribute(attributes, "file");
    const name = [file, attribute(attributes, "classname"), attribute(attributes, "name")]
      .filter((part) => part !== "")
      .join(" > ");
    files.add(file);
    if (/<(failure|error)\b/.test(body)) failed.push(name);
    else if (/<skipped\b/.test(body)) skipped.push(name);
    else passed += 1;
  }
  return { passed, failed, skipped, files };
}

const entities: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  amp: "&",
};

function attribute(attributes: string, name: string): string {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
  return value
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replaceAll(/&(lt|gt|quot|apos|amp);/g, (_, entity: string) => entities[entity] ?? "");
}
