import { type AddressMatcher, compileAddresses } from "@catena/expr";
import type { RequestContext } from "@catena/pipeline";
import { parseClientAddress } from "@catena/plugins";
import type { RoutePlan } from "../config/route-plan.ts";
import type { Settings } from "../settings/settings.ts";
import type { RouteMatcher } from "./handle-request.ts";

/**
 * Before a route is found, takes the client's address from what a peer says that the settings name
 * (nginx, ngx_http_realip_module: the last address of the header; with `recursive` the last that is
 * not such a peer itself).
 *
 * @returns the matcher as it is when nobody is believed: then no request pays for it.
 */
export function believeRealIp(matcher: RouteMatcher, { realIp }: Settings): RouteMatcher {
  if (realIp.from.length === 0) return matcher;
  const isTrusted = compileAddresses(realIp.from).value ?? nobody;
  return new RealIpMatcher(matcher, realIp, isTrusted);
}

const nobody: AddressMatcher = () => false;

class RealIpMatcher implements RouteMatcher {
  readonly #inner: RouteMatcher;
  readonly #header: string;
  readonly #isRecursive: boolean;
  readonly #isTrusted: AddressMatcher;

  constructor(
    inner: RouteMatcher,
    { header, recursive }: Settings["realIp"],
    isTrusted: AddressMatcher,
  ) {
    this.#inner = inner;
    this.#header = header.toLowerCase();
    this.#isRecursive = recursive;
    this.#isTrusted = isTrusted;
  }

  get loaded(): boolean {
    return this.#inner.loaded;
  }

  match(ctx: RequestContext): RoutePlan | null {
    const said = ctx.request.header(this.#header);
    if (said !== null && this.#isTrusted(ctx.peerAddress)) this.#believe(ctx, said);
    return this.#inner.match(ctx);
  }

  #believe(ctx: RequestContext, said: string): void {
    const names = said.split(/[ ,]+/).filter((name) => name !== "");
    while (names.length > 0) {
      const client = parseClientAddress(names.pop() ?? "");
      if (client === null) return;
      ctx.setClient(client.address, client.port);
      if (!this.#isRecursive || !this.#isTrusted(client.address)) return;
    }
  }
}

/** What becomes of the forwarded headers that a client sent; see {@link trustForwarded}. */
export type ForwardedTrust = (ctx: RequestContext, headers: string[]) => void;

/**
 * APISIX's `trusted_addresses` (apisix/init.lua): of a peer that is named, the `X-Forwarded-Proto`,
 * `-Host`, `-Port` and `Forwarded` that it sent take the place of ours; of every other peer not even
 * the list of `X-Forwarded-For` is kept.
 *
 * @returns a function that mends what `requestHeaders` made; `null` without such a setting, where the
 *   list is kept and everything else is ours.
 */
export function trustForwarded({ trustedAddresses }: Settings): ForwardedTrust | null {
  if (trustedAddresses.length === 0) return null;
  const isTrusted = compileAddresses(trustedAddresses).value ?? nobody;
  return (ctx, headers) => {
    const sent = ctx.request;
    if (!isTrusted(ctx.peerAddress)) {
      replace(headers, "X-Forwarded-For", ctx.clientAddress);
      return;
    }
    for (const name of ["X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port"]) {
      const value = sent.header(name.toLowerCase());
      if (value) replace(headers, name, value);
    }
    const forwarded = sent.header("forwarded");
    if (forwarded) headers.push("forwarded", forwarded);
  };
}

/** @returns what tells by which scheme a client came: of what peers say, those of `trustedAddresses` are believed. */
export function clientScheme({ trustedAddresses }: Settings): (ctx: RequestContext) => string {
  const isTrusted = compileAddresses(trustedAddresses).value ?? nobody;
  return (ctx) => {
    const said = ctx.request.header("x-forwarded-proto");
    return said !== null && isTrusted(ctx.peerAddress) ? said : ctx.scheme;
  };
}

function replace(headers: string[], name: string, value: string): void {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) headers[i + 1] = value;
}
