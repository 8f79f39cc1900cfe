import type { SourcePosition } from "@catena/errors";
import { canonicalJson } from "@catena/ir";
import { authoredName } from "../actions/authored-name.ts";
import type { Target } from "../declaration.ts";
import type { AuthoredChain, AuthoredEnd, AuthoredStep } from "./authored-chain.ts";
import { callerAuthorization } from "./authorization.ts";
import { type LoweredChain, PLUGIN_PATH } from "./lowered-chain.ts";
import { isMergedValue } from "./merged-value.ts";

/** Something the classic form has no word for, as the author wrote it. */
export interface Obstacle {
  readonly feature: string;
  readonly source: SourcePosition | undefined;
}

type ClassicServiceJson = Readonly<Record<string, unknown>>;

/**
 * Writes a chain in the classic form, which APISIX with the Lua plugin runs too.
 *
 * @returns the obstacles when the chain says more than the classic form can; with the target
 *   `apisix`, what only this gateway makes of that form is one too.
 */
export function toClassic(
  chain: AuthoredChain,
  end: AuthoredEnd,
  target: Target,
): { readonly lowered: LoweredChain } | { readonly obstacles: readonly Obstacle[] } {
  const { tokenHeader, errorBodies, deadline } = chain.options;
  const obstacles = [...obstaclesOfChain(chain, target), ...obstaclesOfEnd(end)];
  const services: ClassicServiceJson[] = [];
  for (const [index, step] of chain.steps.entries()) {
    const earlier = chain.steps.slice(0, index);
    const service =
      step.classic === undefined ? fromCallback(step, earlier, chain) : fromClassic(step);
    if (typeof service === "string") obstacles.push({ feature: service, source: step.source });
    else {
      services.push(service);
      if (target === "apisix") obstacles.push(...extensionsOf(service, step));
    }
  }
  if (chain.steps.length === 0) {
    obstacles.push({ feature: "chain without calls", source: chain.source });
  }
  if (obstacles.length > 0) return { obstacles };
  const conf = { services, token_header: tokenHeader, deadline, error_bodies: errorBodies };
  const positions = chain.steps.flatMap(({ source }, index) =>
    source === undefined ? [] : [{ path: `${PLUGIN_PATH}/services/${index}`, source }],
  );
  return { lowered: { conf, issues: [], positions } };
}

const CHAIN_FEATURES = [
  "input",
  "output",
  "limits",
  "onClientGone",
  "serverTiming",
  "chainId",
] as const;

function obstaclesOfChain({ options, source }: AuthoredChain, target: Target): Obstacle[] {
  const features: string[] = CHAIN_FEATURES.filter((name) => options[name] !== undefined);
  if (target === "apisix" && options.deadline !== undefined) features.push("deadline");
  return features.map((feature) => ({ feature, source }));
}

function obstaclesOfEnd(end: AuthoredEnd): Obstacle[] {
  const { kind, source } = end;
  if (kind !== "forward") return [{ feature: kind, source }];
  const feature =
    end.stored.body !== undefined ? "body of forward" : end.stored.headers && "headers of forward";
  return feature === undefined ? [] : [{ feature, source }];
}

/** The plugin's schema lets a service's name start with a letter only. */
const SERVICE_NAME = /^[A-Za-z]/;

const CLASSIC_METHODS: ReadonlySet<string> = new Set(["GET", "POST", "PUT", "DELETE"]);

function fromClassic({ name, classic, undo }: AuthoredStep): ClassicServiceJson | string {
  if (undo !== undefined) return "undo";
  if (classic?.uri === undefined) return "upstream";
  const { uri, method, timeout, sendBody, upstream_id } = classic;
  if (method !== undefined && !CLASSIC_METHODS.has(method)) return method;
  return {
    uri,
    method,
    name: SERVICE_NAME.test(name) ? name : undefined,
    timeout,
    send_body: sendBody,
    upstream_id,
  };
}

/** Members of a stored call that the classic form has a place for. */
const CLASSIC_MEMBERS: ReadonlySet<string> = new Set([
  "op",
  "uri",
  "method",
  "path",
  "headers",
  "body",
  "response",
]);

/** A step that was written as a callback, when it says just what the classic form does. */
function fromCallback(
  { name, kind, stored, undo }: AuthoredStep,
  earlier: readonly AuthoredStep[],
  { options }: AuthoredChain,
): ClassicServiceJson | string {
  const { call, timeout, ...policies } = stored;
  if (kind !== "call" || !isMembers(call)) return kind;
  if (undo !== undefined) return "undo";
  const beyond = [
    ...Object.keys(policies),
    ...Object.keys(call).filter((member) => !CLASSIC_MEMBERS.has(member)),
  ][0];
  if (beyond !== undefined) return authoredName(beyond);
  const { uri, path, headers } = call;
  const method = String(call["method"]);
  if (!CLASSIC_METHODS.has(method)) return method;
  // A call that only reads would start beside the earlier ones, and classic ones do not.
  if (method === "GET" && earlier.length > 0) return "GET in parallel";
  if (!passesCaller(headers, options.tokenHeader)) return "headers";
  const names = earlier.map((step) => step.name);
  const hasBody = call["body"] !== undefined;
  if (hasBody && !isMergedValue(call["body"], names)) return "body";
  return {
    uri: `${String(uri)}${String(path)}`,
    method,
    name: SERVICE_NAME.test(name) ? name : undefined,
    timeout,
    send_body: hasBody === (method === "POST" || method === "PUT") ? undefined : hasBody,
  };
}

/** Whether the headers of a call are those of the classic form: the client's token, nothing else. */
function passesCaller(headers: unknown, tokenHeader: string | undefined): boolean {
  return tokenHeader === undefined
    ? canonicalJson(headers) === canonicalJson(callerAuthorization)
    : headers === undefined;
}

/** What the Lua plugin would ignore, so that the chain would do something else there. */
function extensionsOf(service: ClassicServiceJson, { source }: AuthoredStep): Obstacle[] {
  return (["timeout", "send_body", "upstream_id"] as const)
    .filter((name) => service[name] !== undefined)
    .map((name) => ({ feature: name === "upstream_id" ? name : authoredName(name), source }));
}

function isMembers(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
