import {
  type CallOptionsFactory,
  Etcd3,
  GRPCInvalidArgumentError,
  GRPCUnauthenticatedError,
  type IDuplexStream,
  type IOptions,
  type IWatchRequest,
  type IWatchResponse,
} from "etcd3";
import type { EtcdTarget } from "./etcd-url.ts";

export type WatchStream = IDuplexStream<IWatchRequest, IWatchResponse>;

/** What etcd3 takes beside a request: gRPC's options for one call. */
export type CallOptions = Exclude<CallOptionsFactory, (...args: never) => unknown>;

type FaultPolicy = NonNullable<NonNullable<IOptions["faultHandling"]>["global"]>;
type Interceptor = NonNullable<CallOptions["interceptors"]>[number];

/** gRPC status of a call whose token etcd does not know (any more). */
const unauthenticated = 16;
const bytesPerMiB = 1024 * 1024;

const channelOptions = {
  // etcd answers more frequent pings with GOAWAY "too many pings"; without any, a frozen peer held
  // one put for 31 s.
  "grpc.keepalive_time_ms": 5_000,
  "grpc.keepalive_timeout_ms": 2_000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.min_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
  // The default of 4 MiB is less than a list of a few thousand routes.
  "grpc.max_receive_message_length": 512 * bytesPerMiB,
  "grpc.enable_channelz": 0,
};

/**
 * A connection to one etcd endpoint.
 *
 * It logs in by itself rather than by etcd3's `auth` option, which opens one more channel at every
 * login, never closes it, and gives it none of our channel options.
 */
export class EtcdMember {
  readonly #client: Etcd3;
  readonly #login: EtcdTarget["login"];
  #token: string | null = null;
  #pendingLogin: Promise<void> | null = null;

  constructor(endpoint: string, target: EtcdTarget, timeoutMs: number) {
    const { login, tls } = target;
    this.#login = login;
    const { ca = null, cert = null, key = null, serverName = null } = tls ?? {};
    this.#client = new Etcd3({
      hosts: `${tls === null ? "http" : "https"}://${endpoint}`,
      ...(ca !== null && {
        credentials: {
          rootCertificate: ca,
          ...(key !== null && { privateKey: key }),
          ...(cert !== null && { certChain: cert }),
        },
      }),
      grpcOptions: {
        ...channelOptions,
        ...(serverName !== null && { "grpc.ssl_target_name_override": serverName }),
      },
      // etcd3's own policies retry writes and open a circuit for 5 s; ours are in EtcdCluster.
      faultHandling: { host: () => passThrough, global: passThrough },
      defaultCallOptions: ({ isStream, service }) => ({
        ...(!isStream && { deadline: Date.now() + timeoutMs }),
        ...(service !== "Auth" && { interceptors: [this.#addToken] }),
      }),
    });
  }

  /**
   * Makes a unary call, logging in first where that is needed.
   *
   * @param deadline Unix milliseconds; bounds the login and the call together
   */
  async call<T>(deadline: number, run: (client: Etcd3, options: CallOptions) => Promise<T>) {
    const isFreshLogin = await this.#ensureLogin(deadline);
    try {
      return await run(this.#client, { deadline });
    } catch (error) {
      // etcd calls a token of an older user database an invalid argument. It has refused the call
      // either way, so making it again cannot apply it twice.
      const isRefused =
        error instanceof GRPCUnauthenticatedError || error instanceof GRPCInvalidArgumentError;
      if (!isRefused || this.#login === null || isFreshLogin) throw error;
    }
    this.#token = null;
    await this.#ensureLogin(deadline);
    return await run(this.#client, { deadline });
  }

  /** Opens a raw watch stream; its errors come as events. */
  async openWatch(deadline: number): Promise<WatchStream> {
    await this.#ensureLogin(deadline);
    return await this.#client.watchClient.watch();
  }

  close(): void {
    this.#client.close();
  }

  /** @returns whether a login was needed */
  async #ensureLogin(deadline: number): Promise<boolean> {
    const login = this.#login;
    if (login === null || this.#token !== null) return false;
    this.#pendingLogin ??= this.#client.auth
      .authenticate({ name: login.username, password: login.password }, { deadline })
      .then(({ token }) => {
        this.#token = token;
      })
      .finally(() => {
        this.#pendingLogin = null;
      });
    await this.#pendingLogin;
    return true;
  }

  readonly #addToken: Interceptor = (options, nextCall) => {
    const call = nextCall(options);
    const start = call.start.bind(call);
    call.start = (metadata, listener) => {
      if (this.#token !== null) metadata.set("token", this.#token);
      const onReceiveStatus = listener?.onReceiveStatus?.bind(listener);
      if (listener && onReceiveStatus) {
        listener.onReceiveStatus = (status) => {
          // etcd3 recognises this status by its text and then repeats the call at once, for ever,
          // with the token it has; under another text the error reaches us.
          const isTokenRefused = status.code === unauthenticated;
          if (isTokenRefused) this.#token = null;
          onReceiveStatus(isTokenRefused ? { ...status, details: "token refused" } : status);
        };
      }
      start(metadata, listener);
    };
    // The type asks for the class; grpc-js itself only uses the interface, which `call` has.
    return call as ReturnType<Interceptor>;
  };
}

const never = () => ({ dispose: () => undefined });
/** Runs a call as it is. `execute` is async so that a throwing call can never throw into etcd3. */
const passThrough = {
  onSuccess: never,
  onFailure: never,
  execute: async (run: Parameters<FaultPolicy["execute"]>[0]) =>
    run({ signal: new AbortController().signal }),
  // `_altReturn` exists in the type only.
} as unknown as FaultPolicy;
