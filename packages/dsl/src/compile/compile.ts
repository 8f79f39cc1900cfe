import type { Checked, Issue, SourcePosition } from "@catena/errors";
import {
  deployOrder,
  formatName,
  type JsonObject,
  type Kind,
  kinds,
  parseResource,
  type ValidationOptions,
} from "@catena/schema";
import type { AuthoredDocument, Declaration, Target } from "../declaration.ts";
import { assignIds } from "./assign-ids.ts";
import { type Collected, collect } from "./collect.ts";
import { checkSameMatch } from "./same-match.ts";
import { declarationsIn, toDocument } from "./to-document.ts";
import { checkUsedChains } from "./used-chains.ts";

/** A resource ready to be stored. */
export interface CompiledResource {
  readonly kind: Kind;
  readonly id: string;
  /** The document, with its `id` where the kind has one and without times. */
  readonly value: JsonObject;
  /** Where it was declared. */
  readonly source: SourcePosition | undefined;
}

export interface CompileOptions extends Pick<ValidationOptions, "registry" | "checkExpression"> {
  /**
   * `apisix` refuses what Apache APISIX with the Lua plugin could not run, naming the feature and
   * the line. Default `catena`.
   */
  readonly target?: Target;
}

/**
 * Compiles configs to resources. Pure: nothing is read, written or called.
 *
 * @param config what a config file exports (its module namespace), a `defineConfig`, a declaration,
 *   or a list of those; what one refers to comes along.
 * @returns resources in the order to write them (what is referred to first), then by id. No value
 *   when anything is wrong; issues name file, line and column, the resource and a JSON pointer.
 *
 * @example
 * const { value, issues } = compile(await import("./configs/checkout.ts"), { registry });
 */
export function compile(
  config: object,
  options: CompileOptions = {},
): Checked<readonly CompiledResource[]> {
  const issues: Issue[] = [];
  const found = collect(config, issues);
  const documents = readDocuments(found, options.target ?? "catena");
  const ids = assignIds(found, issues);
  const resources: CompiledResource[] = [];
  for (const [declaration, document] of documents) {
    const id = ids.get(declaration);
    const context = { declaration, document, ids, options };
    const { value, issues: own } = compileOne(context, id);
    issues.push(...own);
    if (value !== undefined && id !== undefined) {
      resources.push({ kind: declaration.kind, id, value, source: declaration.source });
    }
  }
  issues.push(...checkSameMatch(resources), ...checkUsedChains(resources));
  return issues.length > 0 ? { issues } : { value: resources.sort(byDeployOrder), issues };
}

/** Reads every document, and those of what they refer to, which are added to `found`. */
function readDocuments(
  found: Collected,
  target: Target,
): ReadonlyMap<Declaration, AuthoredDocument> {
  const documents = new Map<Declaration, AuthoredDocument>();
  // A Map's iteration goes on over what is added meanwhile.
  for (const declaration of found.keys()) {
    const document = declaration.document(target);
    documents.set(declaration, document);
    const needs = [...declarationsIn(document.fields), ...(document.needs ?? [])];
    for (const referred of needs) {
      if (!found.has(referred)) found.set(referred, new Set());
    }
  }
  return documents;
}

interface OneContext {
  readonly declaration: Declaration;
  readonly document: AuthoredDocument;
  readonly ids: ReadonlyMap<Declaration, string>;
  readonly options: CompileOptions;
}

function compileOne(context: OneContext, id: string | undefined): Checked<JsonObject> {
  const { declaration, document, ids, options } = context;
  const { kind } = declaration;
  const found: Issue[] = [...document.issues];
  const json = toDocument(document.fields, ids, found);
  if (id !== undefined && found.length === 0) {
    const value = kinds[kind].hasId ? { id: ownId(kind, id), ...json } : json;
    const { registry, checkExpression } = options;
    const checked = parseResource(kind, value, {
      id,
      ...(registry === undefined ? {} : { registry }),
      ...(checkExpression === undefined ? {} : { checkExpression }),
    });
    found.push(...without(document.check?.(value) ?? [], checked.issues), ...checked.issues);
    if (checked.value !== undefined && found.length === 0) return { value, issues: [] };
  }
  const resource = id === undefined ? {} : { resource: formatName({ kind, id }) };
  return { issues: found.map((issue) => ({ ...resource, ...locate(issue, context) })) };
}

/** Issues that others do not say already: a registered plugin may check the same. */
function without(issues: readonly Issue[], others: readonly Issue[]): readonly Issue[] {
  return issues.filter(
    ({ path, code }) => !others.some((other) => other.path === path && other.code === code),
  );
}

/** The `id` member: of a credential and a secret, the last part of the one it has among all. */
function ownId(kind: Kind, id: string): string {
  return kind === "credentials" || kind === "secrets" ? id.slice(id.lastIndexOf("/") + 1) : id;
}

/** Adds the place where the part an issue is about was written. */
function locate(issue: Issue, { declaration, document }: OneContext): Issue {
  if (issue.source !== undefined) return issue;
  let best: SourcePosition | undefined = declaration.source;
  let length = -1;
  for (const { path, source } of document.positions) {
    const covers = issue.path === path || issue.path.startsWith(`${path}/`);
    if (covers && path.length > length) {
      best = source;
      length = path.length;
    }
  }
  return best === undefined ? issue : { ...issue, source: best };
}

function byDeployOrder(a: CompiledResource, b: CompiledResource): number {
  return (
    deployOrder.indexOf(a.kind) - deployOrder.indexOf(b.kind) ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  );
}
