import type { Issue, SourcePosition } from "@catena/errors";
import { isJsonObject, type JsonObject } from "@catena/schema";
import {
  type Document,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseAllDocuments,
  type YAMLError,
} from "yaml";

/** One Kubernetes object of a file, with a way back to where each part of it was written. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** The whole object. */
  readonly document: JsonObject;
  /** Makes an issue about a place of this object, with file, line and column. */
  issue(finding: Issue): Issue;
}

export interface ReadOptions {
  readonly file: string;
  readonly namespace: string;
}

interface Read {
  readonly manifests: readonly Manifest[];
  readonly issues: readonly Issue[];
}

const maxCharacters = 16 * 1024 * 1024;
/** Aliases may multiply a document; Kubernetes itself allows far fewer. */
const maxAliases = 100;

/**
 * Reads the objects of a multi-document YAML (or JSON) text; a `List` counts as its items. Empty
 * documents are skipped.
 */
export function readManifests(text: string, options: ReadOptions): Read {
  if (text.length > maxCharacters) {
    const found = `${text.length} characters`;
    return { manifests: [], issues: [tooLarge(options.file, found)] };
  }
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const manifests: Manifest[] = [];
  const issues: Issue[] = [];
  for (const document of Array.isArray(parsed) ? parsed : []) {
    if (document.errors.length > 0) {
      issues.push(...document.errors.map((error) => syntaxIssue(error, lines, options.file)));
      continue;
    }
    const place = (path: string) => positionOf(document, path, lines, options.file);
    const value = toPlain(document);
    if (typeof value === "string") {
      issues.push({ path: "", code: "MANIFEST_SYNTAX", message: value, source: place("") });
    } else if (value !== null) {
      const read = readObject(value, "", place, options);
      manifests.push(...read.manifests);
      issues.push(...read.issues, ...inexactNumbers(document, lines, options.file));
    }
  }
  return { manifests, issues };
}

type Place = (path: string) => SourcePosition;

function readObject(value: unknown, base: string, place: Place, options: ReadOptions): Read {
  if (!isJsonObject(value)) {
    return refuse(base, place, "not a Kubernetes object", "a map with apiVersion, kind, metadata");
  }
  const { apiVersion, kind, metadata } = value;
  if (typeof apiVersion !== "string" || typeof kind !== "string") {
    return refuse(base, place, "apiVersion or kind is missing", "both, as text");
  }
  if (kind === "List" && Array.isArray(value["items"])) {
    const reads = value["items"].map((item, index) =>
      readObject(item, `${base}/items/${index}`, place, options),
    );
    return {
      manifests: reads.flatMap((read) => read.manifests),
      issues: reads.flatMap((read) => read.issues),
    };
  }
  const { name, namespace } = isJsonObject(metadata) ? metadata : {};
  if (typeof name !== "string" || name === "") {
    return refuse(base, place, `this ${kind} has no metadata.name`, "a name");
  }
  const home = typeof namespace === "string" ? namespace : options.namespace;
  const issue = (finding: Issue): Issue => ({
    ...finding,
    resource: `${kind} ${home}/${name}`,
    source: place(`${base}${finding.path}`),
  });
  return {
    manifests: [{ apiVersion, kind, namespace: home, name, document: value, issue }],
    issues: [],
  };
}

function refuse(path: string, place: Place, message: string, expected: string): Read {
  const issue = { path, code: "MANIFEST_OBJECT", message, expected, source: place(path) };
  return { manifests: [], issues: [issue] };
}

/** The document as plain data, `null` when it is empty, or what is wrong as text. */
function toPlain(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: maxAliases });
  } catch (error) {
    // The library throws for aliases that lead nowhere or multiply the document.
    return error instanceof Error ? firstLine(error.message) : "unreadable";
  }
}

function syntaxIssue(error: YAMLError, lines: LineCounter, file: string): Issue {
  return {
    path: "",
    code: "MANIFEST_SYNTAX",
    message: firstLine(error.message),
    source: position(error.pos[0], lines, file),
  };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}

function tooLarge(file: string, found: string): Issue {
  return {
    path: "",
    code: "MANIFEST_SIZE",
    message: "the file is too large",
    expected: `at most ${maxCharacters} characters`,
    found,
    source: { file, line: 1, column: 1 },
  };
}

/** Numbers that JSON cannot hold, or that a double changes, would reach a plugin altered. */
function inexactNumbers(document: Document, lines: LineCounter, file: string): Issue[] {
  const issues: Issue[] = [];
  const visit = (node: unknown) => {
    if (isCollection(node)) node.items.forEach(visit);
    else if (isPair(node)) visit(node.value);
    else if (isScalar(node) && typeof node.value === "number") {
      const { value, source = "" } = node;
      const isExact = Number.isFinite(value) && (!Number.isInteger(value) || isSafe(value, source));
      if (isExact) return;
      issues.push({
        path: "",
        code: "MANIFEST_NUMBER",
        message: `the number ${source} cannot be kept exactly`,
        hint: "write it in quotes, if text will do",
        source: position(node.range?.[0] ?? 0, lines, file),
      });
    }
  };
  visit(document.contents);
  return issues;
}

/** Large integers are fine when written as a power (`1e300`), which says that they are rounded. */
function isSafe(value: number, source: string): boolean {
  return Number.isSafeInteger(value) || /[e.]/i.test(source);
}

/**
 * Finds where a JSON pointer's target was written: a member's name for members, else the value, else
 * the nearest thing around it that is there.
 */
function positionOf(
  document: Document,
  pointer: string,
  lines: LineCounter,
  file: string,
): SourcePosition {
  const segments = pointer
    .split("/")
    .slice(1)
    .map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
  let node: unknown = document.contents;
  let offset = startOf(node);
  for (const segment of segments) {
    const next = member(node, segment);
    if (next === null) break;
    offset = startOf(next.named) ?? offset;
    node = next.value;
  }
  return position(offset ?? 0, lines, file);
}

function member(node: unknown, segment: string): { named: unknown; value: unknown } | null {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === segment);
    return pair === undefined ? null : { named: pair.key, value: pair.value };
  }
  if (!isCollection(node)) return null;
  const item: unknown = node.items[Number(segment)];
  return item === undefined ? null : { named: item, value: item };
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

function position(offset: number, lines: LineCounter, file: string): SourcePosition {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
}
