import { callsOf, type JsonSchema, type StoredCall, type StoredChain } from "@catena/ir";
import type { ClassicChain } from "@catena/schema";

/** Something a chain can call, as mocks and expectations name it. */
export interface KnownOperation {
  /** `users.get`, or the step's name where the call has no name of its own. */
  readonly name: string;
  readonly method: string;
  /** Where it may go: `upstream:ID` or `uri:URL`; several when the host is computed. */
  readonly targets: readonly string[];
  readonly path: string;
  readonly response: JsonSchema | undefined;
}

/** A path that was called, matched with an operation. */
export interface MatchedCall {
  readonly operation: KnownOperation;
  /** Decoded. */
  readonly params: Readonly<Record<string, string>>;
}

/** The operations of chains, and which of them a call is one of. */
export class Operations {
  readonly #operations: readonly KnownOperation[];
  readonly #patterns: readonly (readonly [KnownOperation, RegExp])[];

  constructor(operations: readonly KnownOperation[]) {
    this.#operations = operations;
    // The more of a path is written out, the better it tells.
    this.#patterns = operations
      .map((operation) => [operation, toPattern(operation.path)] as const)
      .sort(([a], [b]) => literalLength(b.path) - literalLength(a.path));
  }

  get names(): readonly string[] {
    return [...new Set(this.#operations.map(({ name }) => name))];
  }

  get(name: string): readonly KnownOperation[] {
    return this.#operations.filter((operation) => operation.name === name);
  }

  /** @param path encoded, without the query. */
  match(target: string, method: string, path: string): MatchedCall | null {
    for (const [operation, pattern] of this.#patterns) {
      if (!operation.targets.includes(target) || operation.method !== method) continue;
      const match = pattern.exec(path);
      if (match !== null) return { operation, params: decodeAll(match.groups ?? {}) };
    }
    return null;
  }
}

/** Every operation of a step chain. */
export function operationsOfSteps(chain: StoredChain): readonly KnownOperation[] {
  return chain.steps.flatMap((step) => [
    ...callsOf(step).map((call) => toOperation(call, step.name)),
    ...(step.undo === undefined ? [] : [toOperation(step.undo.call, `${step.name}.undo`)]),
  ]);
}

/** Every service of a classic chain, by its name or its place. */
export function operationsOfClassic(chain: ClassicChain): readonly KnownOperation[] {
  return chain.services.map(({ uri, method, name, upstream_id }, index) => {
    const url = new URL(uri);
    return {
      name: name ?? `services[${index}]`,
      method: method ?? "POST",
      targets: [upstream_id === undefined ? `uri:${url.origin}` : `upstream:${upstream_id}`],
      path: url.pathname,
      response: undefined,
    };
  });
}

function toOperation(call: StoredCall, step: string): KnownOperation {
  const { op, method, path, response } = call;
  return { name: op ?? step, method, targets: targetsOf(call), path, response };
}

function targetsOf({ upstream_id, uri = "", allowed_hosts }: StoredCall): readonly string[] {
  if (upstream_id !== undefined) return [`upstream:${upstream_id}`];
  const hosts = allowed_hosts ?? [];
  return [`uri:${uri}`, ...hosts.map((host) => `uri:${uri.replace(/\/\/[^/]*/, `//${host}`)}`)];
}

/** A template as an expression; a name that comes twice must be given the same both times. */
function toPattern(path: string): RegExp {
  const seen = new Set<string>();
  const source = path.replace(/\{([^{}]+)\}|[.*+?^$()[\]|\\{}]/g, (found, name) => {
    if (name === undefined) return `\\${found}`;
    if (seen.has(name)) return `\\k<${name}>`;
    seen.add(name);
    return `(?<${name}>[^/]+?)`;
  });
  return new RegExp(`^${source}$`);
}

function literalLength(path: string): number {
  return path.replace(/\{[^{}]+\}/g, "").length;
}

function decodeAll(groups: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]),
  );
}
