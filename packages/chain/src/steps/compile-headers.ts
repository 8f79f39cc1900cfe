import type { StoredValue } from "@catena/ir";
import type { Raw } from "../values/json-view.ts";
import { isHeaderValue, landingTexts } from "../values/landing.ts";
import type { Scope } from "../values/scope.ts";
import type { ValueContext } from "../values/value-context.ts";
import { valueFault } from "../values/value-fault.ts";

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Written by the transport, or meant for one connection only (RFC 9110 §7.6.1). */
const NOT_OURS = new Set([
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export interface CompiledHeaders {
  /** Names in lower case. */
  readonly names: ReadonlySet<string>;
  /** Whether every request of a chain writes the same. */
  readonly isConstant: boolean;
  /** Appends `name, value` pairs; an array gives one header each, what is absent none. */
  write(scope: Scope, into: string[]): void;
}

/** Compiles header members; a name that is none, or not a chain's to set, is an issue. */
export function compileHeaders(
  headers: Readonly<Record<string, StoredValue>>,
  path: string,
  context: ValueContext,
): CompiledHeaders {
  const members = Object.entries(headers).map(([name, value]) => {
    const place = `${path}/headers/${context.segment(name)}`;
    if (!TOKEN.test(name))
      context.issue(place, "CHAIN_HEADER_INVALID", `"${name}" is not the name of a header`);
    else if (NOT_OURS.has(name.toLowerCase()))
      context.issue(place, "CHAIN_HEADER_INVALID", `"${name}" is written by the gateway`);
    return { name, value: context.compile(value, place) };
  });
  return {
    names: new Set(members.map((member) => member.name.toLowerCase())),
    isConstant: members.every((member) => member.value.constant !== null),
    write(scope, into) {
      for (const { name, value } of members)
        for (const text of headerTexts(name, value.json(scope))) into.push(name, text);
    },
  };
}

function headerTexts(name: string, raw: Raw): readonly string[] {
  const texts = landingTexts(raw);
  // The value may be a secret: the reason names the header only.
  if (!texts.every(isHeaderValue))
    throw valueFault(`has characters in "${name}" that a header cannot carry`);
  return texts;
}
