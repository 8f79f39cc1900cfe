import { noHandlers, type RequestContext } from "@catena/pipeline";
import type { RoutePlan } from "../config/route-plan.ts";
import type { RouteMatcher } from "../request/handle-request.ts";
import type { Certificates } from "./certificates.ts";
import type { ClientVerification } from "./plan-certificate.ts";
import { TlsSession } from "./tls-session.ts";

/**
 * Refuses with 400, as APISIX does (apisix/init.lua, verify_https_client), what comes over TLS from a
 * client that did not prove who it is: with a certificate, on a connection to the very server that the
 * request is for. Beyond APISIX, a connection that was there before its server began to ask for
 * certificates gets no further requests answered.
 */
export class ClientGate implements RouteMatcher {
  readonly #inner: RouteMatcher;
  readonly #certificates: Certificates;

  constructor(inner: RouteMatcher, certificates: Certificates) {
    this.#inner = inner;
    this.#certificates = certificates;
  }

  get loaded(): boolean {
    return this.#inner.loaded;
  }

  match(ctx: RequestContext): RoutePlan | null {
    return this.#admits(ctx) ? this.#inner.match(ctx) : refused;
  }

  #admits(ctx: RequestContext): boolean {
    const { tls } = ctx.request.connection;
    if (!(tls instanceof TlsSession)) return false;
    const { verification } = tls;
    if (verification !== null && !isMet(verification, ctx)) return false;
    if (!this.#certificates.verifiesClients) return true;
    const asked = this.#certificates.find(ctx.host)?.client ?? null;
    return asked === null || (tls.serverName === ctx.host && isMet(asked, ctx));
  }
}

function isMet({ skips }: ClientVerification, { tls, path }: RequestContext): boolean {
  return tls?.clientVerify === "SUCCESS" || (skips ?? []).some((skip) => skip.test(path));
}

const refused: RoutePlan = {
  id: "",
  handlers: noHandlers,
  upstream: null,
  timeouts: null,
  forConsumer: () => null,
  webSocket: false,
  routeName: "",
  serviceId: "",
  serviceName: "",
  isUnmatched: false,
  unavailable: 400,
};
