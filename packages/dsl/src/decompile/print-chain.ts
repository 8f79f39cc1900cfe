import type { StoredChain, StoredStep } from "@catena/ir";
import { schemaDoc } from "./declared-services.ts";
import {
  callDoc,
  type Doc,
  helpersIn,
  jsonDoc,
  objectDoc,
  render,
  renderInline,
  use,
} from "./doc.ts";
import type { FileSource } from "./file-sources.ts";
import type { Members } from "./members.ts";
import { SLOTS } from "./operator-helpers.ts";
import { printStep, printUndo, type StepScope } from "./print-action.ts";
import { jsonOrNull, printHeaders } from "./print-policies.ts";
import { printAny, printFor } from "./print-value.ts";
import type { StepSource, ValueScope } from "./value-scope.ts";

/** Where a chain's route is, and what its id and further fields are. */
export interface PrintedRoute {
  readonly id: string;
  readonly route: Members;
  /** Plugins but for the chain. */
  readonly plugins: Members;
}

type ChainScope = Omit<StepScope, "steps" | "params"> & {
  /** Of the file it is printed in. */
  readonly file: FileSource;
};

/** Prints a chain of the step form, from `chain(` to its end. */
export function printSteps(chain: StoredChain, at: PrintedRoute, scope: ChainScope): string {
  const { id: chainId, input, output, deadline, limits, on_client_gone, server_timing } = chain;
  const options = objectDoc({
    ...routeMembers(at, scope),
    chainId: jsonOrNull(chainId),
    input:
      input === undefined
        ? null
        : objectDoc(
            Object.fromEntries(
              Object.entries(input).map(([name, schema]) => [name, schemaDoc(schema)]),
            ),
          ),
    output: output === undefined ? null : schemaDoc(output),
    deadline: jsonOrNull(deadline),
    limits: limits === undefined ? null : printLimits(limits),
    onClientGone: jsonOrNull(on_client_gone),
    serverTiming: jsonOrNull(server_timing),
  });
  const steps = new Map<string, StepSource>();
  const params = routeParams(at.route);
  const links: Doc[] = [];
  for (const step of chain.steps) {
    const before = { ...scope, steps: new Map(steps), params };
    links.push([".step", args(JSON.stringify(step.name), callback(printStep(step, before)))]);
    if (step.exit === undefined) steps.set(step.name, sourceOf(step));
    if (step.undo !== undefined) {
      const after = { ...scope, steps: new Map(steps), params };
      links.push([".undo", args(JSON.stringify(step.name), callback(printUndo(step.undo, after)))]);
    }
  }
  links.push(printEnd(chain, { ...scope, steps, params }));
  return chainSource(options, links, scope);
}

/** Prints a chain of the classic form. */
export function printClassic(
  services: readonly Members[],
  conf: Members,
  at: PrintedRoute,
  scope: ChainScope,
): string {
  const options = objectDoc({
    ...routeMembers(at, scope),
    tokenHeader: jsonOrNull(conf["token_header"]),
    deadline: jsonOrNull(conf["deadline"]),
    errorBodies: jsonOrNull(conf["error_bodies"]),
  });
  const links = services.map((service, index): Doc => {
    const { uri, method, name = `_${index + 1}`, timeout, send_body, upstream_id } = service;
    const call = objectDoc({
      uri: jsonDoc(uri),
      method: jsonOrNull(method),
      timeout: jsonOrNull(timeout),
      sendBody: jsonOrNull(send_body),
      upstream_id:
        upstream_id === undefined
          ? null
          : (scope.upstreams.get(upstream_id) ?? jsonDoc(upstream_id)),
    });
    return [".step", args(JSON.stringify(name), call)];
  });
  return chainSource(options, [...links, ".forward()"], scope);
}

function chainSource(options: Doc, links: readonly Doc[], { file }: ChainScope): string {
  const lines = links.map((link) => `\n  ${render(file.take(link), 2)}`);
  return render(file.take(callDoc(use("chain"), options))) + lines.join("");
}

function args(...items: readonly Doc[]): Doc {
  return { open: "(", items, close: ")" };
}

/** `$` is named only where it is used: an unused parameter would be one to wonder at. */
function callback(body: Doc): Doc {
  const isUsing = new Set(helpersIn(body)).has("$");
  return [isUsing ? "($) => " : "() => ", body];
}

function routeMembers(
  { id, route, plugins }: PrintedRoute,
  { upstreams }: ChainScope,
): Record<string, Doc | null> {
  const members: Record<string, Doc | null> = { id: JSON.stringify(id) };
  for (const [field, value] of Object.entries(route)) {
    if (field === "uri" || field === "uris") members["route"] = jsonDoc(value);
    else if (field === "upstream_id") members[field] = upstreams.get(value) ?? jsonDoc(value);
    else members[field] = jsonDoc(value);
  }
  if (Object.keys(plugins).length > 0) members["plugins"] = jsonDoc(plugins);
  return members;
}

/** Names the route's paths capture, as the types read them. */
function routeParams({ uri, uris }: Members): ReadonlySet<string> {
  const paths = [uri, ...(Array.isArray(uris) ? uris : [])].filter(
    (path): path is string => typeof path === "string",
  );
  return new Set(
    paths.flatMap((path) => [
      ...[...path.matchAll(/\/:([^/*]+)(?=\/|$)/g)].map(([, name = ""]) => name),
    ]),
  );
}

function printLimits(limits: NonNullable<StoredChain["limits"]>): Doc {
  return objectDoc({
    requestBytes: jsonOrNull(limits.request_bytes),
    responseBytes: jsonOrNull(limits.response_bytes),
    mergedBytes: jsonOrNull(limits.merged_bytes),
    jsonDepth: jsonOrNull(limits.json_depth),
    subDepth: jsonOrNull(limits.sub_depth),
  });
}

/** What TypeScript takes a step's result for. */
function sourceOf(step: StoredStep): StepSource {
  if (step.call !== undefined || step.sub !== undefined) return { kind: "any" };
  const mayDiffer = step.when !== undefined || step.on_error !== undefined;
  if (step.each !== undefined) {
    const { do: item } = step.each;
    return item.value === undefined && !mayDiffer ? { kind: "array" } : { kind: "opaque" };
  }
  return step.value !== undefined && !mayDiffer
    ? { kind: "written", value: step.value }
    : { kind: "opaque" };
}

function printEnd(chain: StoredChain, scope: ValueScope): Doc {
  const { reply, forward, stream } = chain;
  if (stream !== undefined) return callDoc(".stream", JSON.stringify(stream));
  if (reply !== undefined) {
    const head = objectDoc({
      status: reply.status === undefined ? null : printFor(reply.status, SLOTS.status, scope),
      headers: reply.headers === undefined ? null : printHeaders(reply.headers, scope),
    });
    const body = reply.body === undefined ? "undefined" : printAny(reply.body, scope);
    return [".reply", args(parenthesized(body), ...(head === "{}" ? [] : [parenthesized(head)]))];
  }
  const { body, headers } = forward ?? {};
  if (body === undefined && headers === undefined) return ".forward()";
  const made = body === undefined ? "undefined" : parenthesized(printAny(body, scope));
  const head =
    headers === undefined
      ? []
      : [parenthesized(objectDoc({ headers: printHeaders(headers, scope) }))];
  return [".forward", args("undefined", made, ...head)];
}

/** A callback that returns an expression, in parentheses when it is an object. */
function parenthesized(body: Doc): Doc {
  const isObject = renderInline(body).startsWith("{");
  return callback(isObject ? ["(", body, ")"] : body);
}
