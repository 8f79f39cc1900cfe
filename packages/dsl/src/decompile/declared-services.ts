import { callsOf, canonicalJson, type StoredCall, type StoredChain } from "@catena/ir";
import { callDoc, type Doc, isIdentifier, jsonDoc, objectDoc, use } from "./doc.ts";
import type { Names } from "./names.ts";
import type { UpstreamConstants } from "./value-scope.ts";

/** A service as the calls of some chains show it. */
interface SeenService {
  readonly constant: string;
  readonly upstream: string | undefined;
  readonly uri: string | undefined;
  readonly allowedHosts: readonly string[] | undefined;
  readonly operations: Map<string, StoredCall>;
}

/** The services that chains call, put together from what their calls say of themselves. */
export class DeclaredServices {
  readonly #services = new Map<string, SeenService>();
  readonly #names: Names;

  constructor(names: Names) {
    this.#names = names;
  }

  /** Takes in what the calls of a chain say; a call that differs from an earlier one is not one. */
  add(chain: StoredChain): void {
    for (const step of chain.steps) {
      const calls = step.undo === undefined ? callsOf(step) : [...callsOf(step), step.undo.call];
      for (const call of calls) this.#see(call);
    }
  }

  /** `users.get`, when a call is one of that operation; `null` when it must be spelt out. */
  operationOf(call: StoredCall): Doc | null {
    const name = splitName(call.op);
    if (name === null) return null;
    const service = this.#services.get(name.service);
    const operation = service?.operations.get(name.operation);
    if (service === undefined || operation === undefined) return null;
    if (!isSameTarget(service, call) || !isSameOperation(operation, call)) return null;
    return [use(service.constant), memberSource(name.operation)];
  }

  /** Constants of the services, in the order of first use, and what each is. */
  print(upstreams: UpstreamConstants): ReadonlyMap<string, Doc> {
    const docs = new Map<string, Doc>();
    for (const [name, service] of this.#services) {
      const operations = [...service.operations].map(([key, call]) => [key, this.#operation(call)]);
      const made = callDoc(
        use("service"),
        JSON.stringify(name),
        printTarget(service, upstreams),
        objectDoc(Object.fromEntries(operations)),
      );
      docs.set(service.constant, made);
    }
    return docs;
  }

  #see(call: StoredCall): void {
    const name = splitName(call.op);
    if (name === null) return;
    let service = this.#services.get(name.service);
    if (service === undefined) {
      service = {
        constant: this.#names.declare(name.service),
        upstream: call.upstream_id,
        uri: call.uri,
        allowedHosts: call.allowed_hosts,
        operations: new Map(),
      };
      this.#services.set(name.service, service);
    }
    if (isSameTarget(service, call) && !service.operations.has(name.operation)) {
      service.operations.set(name.operation, call);
    }
  }

  #operation(call: StoredCall): Doc {
    const schemas = objectDoc({
      body: call.body === undefined ? null : "Type.Any()",
      query: call.query === undefined ? null : "Type.Any()",
      response: call.response === undefined ? null : schemaDoc(call.response),
    });
    const more = schemas === "{}" ? [] : [schemas];
    const op = use("op");
    return callDoc(op, JSON.stringify(call.method), JSON.stringify(call.path), ...more);
  }
}

/** A JSON Schema as the TypeBox schema that is written as it. */
export function schemaDoc(schema: unknown): Doc {
  return callDoc("Type.Unsafe<any>", jsonDoc(schema));
}

/** Where the calls of a service go, by the constant of an upstream that is declared too. */
export function printTarget(
  target: Pick<SeenService, "upstream" | "uri" | "allowedHosts">,
  upstreams: UpstreamConstants,
): Doc {
  const { upstream, uri, allowedHosts } = target;
  return upstream !== undefined
    ? objectDoc({ upstream: upstreams.get(upstream) ?? JSON.stringify(upstream) })
    : objectDoc({
        uri: JSON.stringify(uri),
        allowedHosts: allowedHosts === undefined ? null : jsonDoc(allowedHosts),
      });
}

/** `users.get` of service `users`; `null` for a name that no declared operation can have. */
function splitName(
  op: string | undefined,
): { readonly service: string; readonly operation: string } | null {
  const match = /^([A-Za-z0-9_.-]+)\.([^.]+)$/.exec(op ?? "");
  const [, service = "", operation = ""] = match ?? [];
  // A number would change places among its neighbours, and this name would set the prototype.
  const isUsable = match !== null && !/^\d+$/.test(operation) && operation !== "__proto__";
  return isUsable ? { service, operation } : null;
}

function isSameTarget(service: SeenService, call: StoredCall): boolean {
  return (
    service.upstream === call.upstream_id &&
    service.uri === call.uri &&
    canonicalJson(service.allowedHosts) === canonicalJson(call.allowed_hosts) &&
    // An upstream cannot have allowed hosts, which would be stored all the same.
    (call.upstream_id === undefined || call.allowed_hosts === undefined)
  );
}

/** Whether two calls can be of one operation: TypeScript wants a body of all or of none. */
function isSameOperation(a: StoredCall, b: StoredCall): boolean {
  return (
    a.method === b.method &&
    a.path === b.path &&
    (a.body === undefined) === (b.body === undefined) &&
    (a.query !== undefined || b.query === undefined) &&
    canonicalJson(a.response) === canonicalJson(b.response)
  );
}

function memberSource(name: string): string {
  return isIdentifier(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}
