import type { Socket } from "node:net";
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  TLSSocket,
} from "node:tls";
import type { ResourceOf } from "@catena/schema";
import type { Fault } from "../config/fault-list.ts";
import type { Log } from "../log.ts";
import {
  type CertificatePlan,
  type ClientVerification,
  planCertificate,
} from "./plan-certificate.ts";
import { ServerNames } from "./server-names.ts";

/** What the connections of some server names are served with; one that is replaced serves its own to their end. */
export interface ServedCertificate {
  readonly resource: string;
  readonly client: ClientVerification | null;
  /**
   * Begins the handshake of a connection nothing of which was read; the socket emits `secure` at its end.
   *
   * @throws Error when TLS takes no part of the certificate
   */
  secure(connection: Socket): TLSSocket;
}

export interface CertificatesOptions {
  /** Whether clients may have it. */
  readonly http2: boolean;
  readonly log: Log;
}

/** What `/status` shows. */
export interface CertificatesStatus {
  readonly certificates: number;
  /** Resources with a certificate that is valid no longer, 100 at most; they are served all the same. */
  readonly expired: readonly string[];
}

const maxListed = 100;

/**
 * The certificates that clients are shown, by server name. A new version of an item is used from the
 * next handshake on; one that can't be served leaves the version before it in place.
 */
export class Certificates {
  readonly #options: CertificatesOptions;
  readonly #names = new ServerNames<Served>();
  readonly #served = new Map<string, Served>();
  readonly #faults = new Map<string, string>();
  readonly #onFirst: (() => void)[] = [];
  #verifying = 0;

  constructor(options: CertificatesOptions) {
    this.#options = options;
  }

  /** Hears when there is a certificate to serve; at once when there is one. */
  whenServing(hear: () => void): void {
    if (this.#served.size > 0) hear();
    else this.#onFirst.push(hear);
  }

  /** @param ssl `undefined` when there is none any more; its secrets are plain. */
  set(id: string, ssl: ResourceOf<"ssls"> | undefined): void {
    const resource = `ssls/${id}`;
    this.#faults.delete(id);
    if (ssl === undefined || ssl.type === "client" || ssl.status === 0) {
      this.#drop(id);
      return;
    }
    const plan = planCertificate(resource, ssl);
    if ("problem" in plan) {
      const isServed = this.#served.has(id);
      const reason = isServed ? `${plan.problem}; its last good version is served` : plan.problem;
      this.#faults.set(id, reason);
      this.#options.log.error("a certificate can't be served", { resource, reason });
      return;
    }
    for (const warning of plan.warnings) {
      this.#options.log.warn("a certificate is served, but", { resource, reason: warning });
    }
    this.#drop(id, plan.names);
    const served = new Served(plan, this.#options);
    this.#served.set(id, served);
    this.#names.set(id, plan.names, served);
    if (plan.client !== null) this.#verifying++;
    for (const hear of this.#onFirst.splice(0)) hear();
  }

  /** @param name in lower case, without a trailing dot. */
  find(name: string): ServedCertificate | null {
    return this.#names.find(name);
  }

  /** Whether any of them asks clients for a certificate. */
  get verifiesClients(): boolean {
    return this.#verifying > 0;
  }

  *faults(): IterableIterator<Fault> {
    for (const [id, reason] of this.#faults) yield { resource: `ssls/${id}`, reason };
  }

  status(): CertificatesStatus {
    const now = Date.now();
    const expired: string[] = [];
    for (const { expiresAt, resource } of this.#served.values()) {
      if (expiresAt < now && expired.length < maxListed) expired.push(resource);
    }
    return { certificates: this.#served.size, expired };
  }

  /** @param kept names that are about to be set again, and keep their place. */
  #drop(id: string, kept: readonly string[] = []): void {
    const before = this.#served.get(id);
    if (before === undefined) return;
    if (before.client !== null) this.#verifying--;
    this.#served.delete(id);
    if (kept.length === 0) this.#names.delete(id);
  }
}

/** Mozilla's "intermediate" for TLS 1.2, which is what APISIX sets, without what BoringSSL lacks. */
const ciphers = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
];
/** What TLS 1.1 has; offered only where an item lists that version. */
const oldCiphers = [
  "ECDHE-ECDSA-AES128-SHA",
  "ECDHE-RSA-AES128-SHA",
  "ECDHE-ECDSA-AES256-SHA",
  "ECDHE-RSA-AES256-SHA",
];

class Served implements ServedCertificate {
  readonly #plan: CertificatePlan;
  readonly #options: CertificatesOptions;
  #context: SecureContext | null = null;

  constructor(plan: CertificatePlan, options: CertificatesOptions) {
    this.#plan = plan;
    this.#options = options;
  }

  get resource(): string {
    return this.#plan.resource;
  }

  get client(): ClientVerification | null {
    return this.#plan.client;
  }

  get expiresAt(): number {
    return this.#plan.expiresAt;
  }

  secure(connection: Socket): TLSSocket {
    const { client } = this.#plan;
    // Made for the first handshake: of thousands of certificates few are asked for.
    this.#context ??= createSecureContext(toContextOptions(this.#plan));
    return new TLSSocket(connection, {
      isServer: true,
      secureContext: this.#context,
      requestCert: client !== null,
      rejectUnauthorized: client !== null && client.skips === null,
      ALPNProtocols: this.#options.http2 ? ["h2", "http/1.1"] : ["http/1.1"],
    });
  }
}

function toContextOptions(plan: CertificatePlan): SecureContextOptions {
  const { certificates, keys, client, oldest, newest } = plan;
  return {
    cert: [...certificates],
    key: [...keys],
    ...(client === null ? {} : { ca: client.ca }),
    minVersion: oldest,
    maxVersion: newest,
    ciphers: (oldest === "TLSv1.1" ? [...ciphers, ...oldCiphers] : ciphers).join(":"),
    honorCipherOrder: true,
  };
}
