import type {
  OnError,
  StoredAction,
  StoredCall,
  StoredChoose,
  StoredEach,
  StoredItemPolicies,
  StoredStep,
  StoredUndo,
  StoredValue,
} from "@catena/ir";
import type { DeclaredServices } from "./declared-services.ts";
import { printTarget, schemaDoc } from "./declared-services.ts";
import { arrayDoc, callDoc, type Doc, helpersIn, objectDoc, renderInline, use } from "./doc.ts";
import { SLOTS } from "./operator-helpers.ts";
import {
  jsonOrNull,
  policyArgument,
  policyMembers,
  printAnswer,
  printHeaders,
  printOnError,
} from "./print-policies.ts";
import { printAny, printFor } from "./print-value.ts";
import type { UpstreamConstants, ValueScope } from "./value-scope.ts";

/** What printing a step needs. */
export interface StepScope extends ValueScope {
  readonly services: DeclaredServices;
  readonly upstreams: UpstreamConstants;
}

/** What the callback of a step returns. */
export function printStep(step: StoredStep, scope: StepScope): Doc {
  const { each, choose, exit } = step;
  const policies = policyMembers(step, scope);
  if (each !== undefined) return printEach(each, policies, scope);
  if (choose !== undefined) {
    const name = use("choose");
    return callDoc(name, printChoice(choose, scope), ...policyArgument(policies));
  }
  if (exit !== undefined) {
    const name = use("exit");
    return callDoc(name, printAnswer(exit, scope), ...policyArgument(policies));
  }
  return printAction(step, policies, scope);
}

export function printUndo({ call, timeout, retry }: StoredUndo, scope: StepScope): Doc {
  const policies = { timeout: jsonOrNull(timeout), retry: jsonOrNull(retry) };
  return printCall(call, policyArgument(policies), scope);
}

type Members = Readonly<Record<string, Doc | null>>;

function printAction(action: StoredAction, policies: Members, scope: StepScope): Doc {
  const more = policyArgument(policies);
  const { call, value, sub } = action;
  if (call !== undefined) return printCall(call, more, scope);
  if (value !== undefined) return callDoc(use("value"), printAny(value, scope), ...more);
  const body = sub?.body === undefined ? null : printAny(sub.body, scope);
  // A policy is the third argument, with or without a body.
  const args = body !== null ? [body] : more.length > 0 ? ["undefined"] : [];
  return callDoc(use("sub"), JSON.stringify(sub?.chain), ...args, ...more);
}

function printInner(action: StoredAction & StoredItemPolicies, scope: StepScope): Doc {
  return printAction(action, policyMembers(action, scope), scope);
}

function printCall(call: StoredCall, policies: readonly Doc[], scope: StepScope): Doc {
  const slots = {
    params: printRecord(call.params, (value) => printFor(value, SLOTS.segment, scope)),
    query: printRecord(call.query, (value) => printAny(value, scope)),
    headers: call.headers === undefined ? null : printHeaders(call.headers, scope),
    body: call.body === undefined ? null : printAny(call.body, scope),
    host: call.host === undefined ? null : printFor(call.host, SLOTS.text, scope),
  };
  const operation = scope.services.operationOf(call);
  if (operation !== null) {
    const request = objectDoc(slots);
    const args = request === "{}" && policies.length === 0 ? [] : [request, ...policies];
    return callDoc(use("call"), operation, ...args);
  }
  const { upstream_id: upstream, uri, allowed_hosts: allowedHosts } = call;
  const request = objectDoc({
    method: JSON.stringify(call.method),
    target: printTarget({ upstream, uri, allowedHosts }, scope.upstreams),
    path: JSON.stringify(call.path),
    name: jsonOrNull(call.op),
    ...slots,
    response: call.response === undefined ? null : schemaDoc(call.response),
  });
  return callDoc(use("http"), request, ...policies);
}

function printRecord(
  values: Readonly<Record<string, StoredValue>> | undefined,
  print: (value: StoredValue) => Doc,
): Doc | null {
  if (values === undefined) return null;
  return objectDoc(
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, print(value)])),
  );
}

function printEach(each: StoredEach, policies: Members, scope: StepScope): Doc {
  const { onError: onFailure, ...others } = policies;
  const made = printInner(each.do, scope);
  return callDoc(
    use("each"),
    printFor(each.in, SLOTS.list, scope),
    [`${parametersOf(made)} => `, made],
    ...policyArgument({
      concurrency: jsonOrNull(each.concurrency),
      max: jsonOrNull(each.max),
      onError: each.on_error === undefined ? null : printItemError(each.on_error, scope),
      onFailure: onFailure ?? null,
      ...others,
    }),
  );
}

/** A fallback that is made of the item is a callback. */
function printItemError(onError: OnError, scope: StepScope): Doc {
  if (typeof onError !== "object") return printOnError(onError, scope);
  const made = printAny(onError.fallback, scope);
  const parameters = parametersOf(made);
  if (parameters === "()") return objectDoc({ fallback: made });
  const isObject = renderInline(made).startsWith("{");
  return objectDoc({ fallback: [`${parameters} => `, isObject ? ["(", made, ")"] : made] });
}

/** The parameters of a callback inside an `each`, as far as its body names them. */
function parametersOf(body: Doc): string {
  const named = new Set(helpersIn(body));
  const item = named.has("item") ? "item" : "_item";
  return named.has("index") ? `(${item}, index)` : named.has("item") ? "(item)" : "()";
}

function printChoice({ branches, otherwise }: StoredChoose, scope: StepScope): Doc {
  return objectDoc({
    branches: arrayDoc(
      branches.map(({ when, ...action }) =>
        callDoc(use("when"), printFor(when, SLOTS.condition, scope), printInner(action, scope)),
      ),
    ),
    otherwise: otherwise === undefined ? null : printInner(otherwise, scope),
  });
}
