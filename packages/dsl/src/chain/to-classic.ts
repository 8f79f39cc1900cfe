import type { Issue } from "@catena/errors";
import type { PartPosition, Target } from "../declaration.ts";
import { dslIssue } from "../errors.ts";
import type { AuthoredChain, AuthoredStep } from "./authored-chain.ts";

const PATH = "/plugins/proxy-chain";

/** A chain's plugin configuration, with what was found while writing it. */
export interface LoweredChain {
  readonly conf: Readonly<Record<string, unknown>>;
  readonly issues: readonly Issue[];
  readonly positions: readonly PartPosition[];
}

/** Writes a chain in the classic form, which APISIX with the Lua plugin runs too. */
export function toClassic(chain: AuthoredChain, target: Target): LoweredChain {
  const { tokenHeader, errorBodies, deadline } = chain.options;
  const issues: Issue[] = [];
  if (target === "apisix" && deadline !== undefined) {
    issues.push(unsupported("deadline", `${PATH}/deadline`, chain.source));
  }
  const positions: PartPosition[] = [];
  const services = chain.steps.map((step, index) => {
    const path = `${PATH}/services/${index}`;
    if (step.source !== undefined) positions.push({ path, source: step.source });
    if (target === "apisix") issues.push(...unsupportedIn(step, path));
    return toService(step);
  });
  const conf = { services, token_header: tokenHeader, deadline, error_bodies: errorBodies };
  return { conf, issues, positions };
}

/** The plugin's schema lets a service's name start with a letter only. */
const SERVICE_NAME = /^[A-Za-z]/;

function toService({ name, classic }: AuthoredStep): Readonly<Record<string, unknown>> {
  const { uri, method, timeout, sendBody, upstream_id } = classic;
  return {
    uri,
    method,
    name: SERVICE_NAME.test(name) ? name : undefined,
    timeout,
    send_body: sendBody,
    upstream_id,
  };
}

function unsupportedIn({ classic, source }: AuthoredStep, path: string): Issue[] {
  const names = { timeout: "timeout", sendBody: "send_body", upstream_id: "upstream_id" } as const;
  return (["timeout", "sendBody", "upstream_id"] as const)
    .filter((name) => classic[name] !== undefined)
    .map((name) => unsupported(name, `${path}/${names[name]}`, source));
}

/** What the Lua plugin would ignore, so that the chain would do something else there. */
function unsupported(feature: string, path: string, source: AuthoredStep["source"]): Issue {
  return dslIssue("DSL_TARGET", `the Lua plugin of APISIX knows no ${feature}`, {
    path,
    hint: `leave it out, or compile without the target "apisix"`,
    source,
  });
}
