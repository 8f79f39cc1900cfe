import type { StoredCall } from "@catena/ir";
import type { CallTarget, TargetResolver } from "@catena/pipeline";
import { chainErrors } from "../errors.ts";
import type { StepRun } from "../run-context.ts";
import type { CompiledValue } from "../values/compiled-value.ts";
import { rawToText } from "../values/landing.ts";
import type { ValueContext } from "../values/value-context.ts";

/** Finds the destination of one call; `key` names it in an undo record. */
export interface CompiledTarget {
  readonly key: string;
  /** `null` when the host is computed. */
  readonly fixed: CallTarget | null;
  /** @throws CHAIN_HOST_REFUSED for a host that is not on the list. */
  choose(run: StepRun): { readonly target: CallTarget; readonly key: string };
}

/**
 * Resolves where a call goes. Data of a request can choose only among `allowed_hosts`, each resolved
 * here; whatever it says, nothing else is ever called.
 */
export function compileTarget(
  call: StoredCall,
  path: string,
  targets: TargetResolver,
  context: ValueContext,
): CompiledTarget | null {
  const { uri, upstream_id: upstreamId, allowed_hosts: allowed, host } = call;
  if (host !== undefined && allowed !== undefined && uri !== undefined)
    return compileHosts(
      uri,
      allowed,
      context.compile(host, `${path}/host`),
      path,
      targets,
      context,
    );
  const target = upstreamId === undefined ? resolveUri(uri, targets) : targets.upstream(upstreamId);
  if (target === null) {
    const [place, what] =
      upstreamId === undefined
        ? ["uri", "the uri cannot be called"]
        : ["upstream_id", `there is no upstream "${upstreamId}"`];
    context.issue(`${path}/${place}`, "CHAIN_TARGET_MISSING", what);
    return null;
  }
  const key = upstreamId === undefined ? `uri:${uri}` : `upstream:${upstreamId}`;
  const chosen = { target, key };
  return { key, fixed: target, choose: () => chosen };
}

function resolveUri(uri: string | undefined, targets: TargetResolver): CallTarget | null {
  if (uri === undefined || !URL.canParse(uri)) return null;
  const { protocol, username, password, search, hash } = new URL(uri);
  const isPlain = username === "" && password === "" && search === "" && hash === "";
  return isPlain && (protocol === "http:" || protocol === "https:") ? targets.uri(uri) : null;
}

function compileHosts(
  uri: string,
  allowed: readonly string[],
  host: CompiledValue,
  path: string,
  targets: TargetResolver,
  context: ValueContext,
): CompiledTarget | null {
  const byHost = new Map<string, { target: CallTarget; key: string }>();
  for (const [i, name] of allowed.entries()) {
    const full = withHost(uri, name);
    const target = full === null ? null : resolveUri(full, targets);
    if (target === null || full === null)
      context.issue(`${path}/allowed_hosts/${i}`, "CHAIN_TARGET_MISSING", "is no host to call");
    else byHost.set(name.toLowerCase(), { target, key: `uri:${full}` });
  }
  if (byHost.size < allowed.length) return null;
  return {
    key: "",
    fixed: null,
    choose(run) {
      const name = rawToText(host.json(run.scope));
      const chosen = name === undefined ? undefined : byHost.get(name.toLowerCase());
      if (chosen === undefined) throw chainErrors.CHAIN_HOST_REFUSED({ step: run.label });
      return chosen;
    },
  };
}

/** @returns `null` when `host` is more than a host and a port. */
function withHost(uri: string, host: string): string | null {
  const base = new URL(uri);
  const full = `${base.protocol}//${host}${base.pathname === "/" ? "" : base.pathname}`;
  if (!URL.canParse(full)) return null;
  return /^[^/?#@\\\s]+$/.test(host) ? full : null;
}
