import { describe, expect, test } from "bun:test";
import {
  FetchRequest,
  type GatewayReply,
  idleSeconds,
  LaterResult,
  noHandlers,
  type PhaseHandlers,
  type RequestContext,
  requestErrors,
  statusReply,
} from "@catena/pipeline";
import {
  type BodyPieces,
  type CancelReason,
  compileUpstream,
  createResolver,
  type ReplyReceiver,
  type Transport,
  type UpstreamCall,
  type UpstreamReply,
  upstreamErrors,
} from "@catena/upstream";
import type { RoutePlan } from "../config/route-plan.ts";
import { WebSocketRelay } from "../websocket/relay.ts";
import type { Forwarder } from "./forward.ts";
import { createRequestHandler } from "./handle-request.ts";
import { InFlight } from "./in-flight.ts";

/** A body on its way, and whether it was given up. */
class Pieces implements BodyPieces {
  cancels = 0;
  readonly readable = new ReadableStream<Uint8Array>();
  flow(): void {}
  resume(): void {}
  cancel(): void {
    this.cancels += 1;
  }
}

const fault = { origin: "http://10.0.0.1:80", sent: true };

/** Calls whose outcome the test gives. */
class FakeTransport implements Transport {
  readonly name = "fake";
  readonly calls: { call: UpstreamCall; receiver: ReplyReceiver }[] = [];
  /** What calls end with at once; `null`: when the test says so, or they are cancelled. */
  readonly #outcome: UpstreamReply | Error | null;

  constructor(outcome: UpstreamReply | Error | null) {
    this.#outcome = outcome;
  }
  start(call: UpstreamCall, receiver: ReplyReceiver): void {
    this.calls.push({ call, receiver });
    if (this.#outcome instanceof Error) receiver.reject(this.#outcome);
    else if (this.#outcome !== null) receiver.resolve(this.#outcome);
    else
      call.cancel?.onCancel((reason) => {
        const error =
          reason === "deadline"
            ? upstreamErrors.UPSTREAM_DEADLINE(fault)
            : upstreamErrors.UPSTREAM_CANCELLED({ ...fault, reason });
        receiver.reject(error);
      });
  }
  send(call: UpstreamCall): Promise<UpstreamReply> {
    return new Promise((resolve, reject) => this.start(call, { resolve, reject }));
  }
  stats() {
    return { openConnections: 0, idleConnections: 0, activeCalls: 0 };
  }
  async close(): Promise<void> {}
}

interface Bed {
  readonly handlers?: Partial<PhaseHandlers>;
  readonly plan?: Partial<RoutePlan> | null;
  readonly isLoaded?: boolean;
  /** What the upstream answers at once. */
  readonly outcome?: UpstreamReply | Error | null;
  readonly request?: Request;
  /** Which route it is depends on the body. */
  readonly matchesBody?: boolean;
  readonly rematch?: () => void;
  readonly toAnswer?: (reply: GatewayReply) => GatewayReply;
}

const upstream = compileUpstream(
  { nodes: [{ host: "10.0.0.1", port: 80, weight: 1 }] },
  { resolver: createResolver(), random: () => 0 },
).value;
const found: UpstreamReply = { status: 200, headers: ["x-from", "upstream"], body: null };

/** One request on its way through the handler. */
function handled(bed: Bed = {}) {
  const logged: string[] = [];
  const answers: GatewayReply[] = [];
  const answered = Promise.withResolvers<GatewayReply>();
  const inFlight = new InFlight();
  const transport = new FakeTransport(bed.outcome === undefined ? found : bed.outcome);
  const write = (message: string, fields?: Readonly<Record<string, unknown>>) =>
    void logged.push(`${message}: ${String(fields?.["reason"])}`);
  const log = { info: write, warn: write, error: write };
  const forwarder: Forwarder = { transport, serverPort: 9080, trust: null, log };
  if (upstream === undefined) throw new Error("the upstream does not compile");
  const plan: RoutePlan = {
    id: "1",
    handlers: { ...noHandlers, ...bed.handlers },
    upstream,
    timeouts: null,
    forConsumer: () => null,
    webSocket: false,
    routeName: "",
    serviceId: "",
    serviceName: "",
    isUnmatched: false,
    unavailable: null,
    ...bed.plan,
  };
  let context: RequestContext | null = null;
  const matcher = {
    loaded: bed.isLoaded ?? true,
    match: (ctx: RequestContext) => {
      if (context !== null) bed.rematch?.();
      else if (bed.matchesBody === true) ctx.wantBody();
      context = ctx;
      ctx.isWatched = true;
      return bed.plan === null ? null : plan;
    },
  };
  /** Idle times that the connection was given. */
  const idle: number[] = [];
  const server = {
    requestIP: () => null,
    timeout: (_: Request, seconds: number) => void idle.push(seconds),
  };
  const webSockets = new WebSocketRelay({ maxMessageBytes: 1_000, log });
  const handle = createRequestHandler<GatewayReply>(
    { matcher, forwarder, webSockets, inFlight, scheme: "http", log },
    bed.toAnswer ?? ((reply) => reply),
  );
  const target = { rawHost: "a.test", host: "a.test", path: "/", rawTarget: "/", query: "" };
  handle(new FetchRequest(bed.request ?? new Request("http://a.test/"), server), target, {
    answer: (reply) => {
      answers.push(reply);
      answered.resolve(reply);
    },
  });
  const contextOf = (): RequestContext => {
    if (context === null) throw new Error("the request was not matched");
    return context;
  };
  return { logged, answers, answered: answered.promise, inFlight, transport, idle, contextOf };
}

type Running = ReturnType<typeof handled>;

const thrower = (): never => {
  throw new Error("broken");
};
const post = (body: string | ReadableStream<Uint8Array>) =>
  new Request("http://a.test/", { method: "POST", headers: { "content-length": "2" }, body });
const lostBody = () =>
  post(
    new ReadableStream({
      pull: (controller) => controller.error(requestErrors.REQUEST_BODY_LOST({})),
    }),
  );
const reset = upstreamErrors.UPSTREAM_RESET({ ...fault, reason: "reset" });

/** Ends that are there at once: the bed, the status, what is logged. */
const atOnce: readonly (readonly [string, Bed, number, string[]])[] = [
  ["a rewrite that throws", { handlers: { rewrite: [thrower] } }, 500, ["request failed: broken"]],
  ["an access that throws", { handlers: { access: [thrower] } }, 500, ["request failed: broken"]],
  [
    "a header filter that throws",
    { handlers: { headerFilter: [thrower] } },
    500,
    ["request failed: broken"],
  ],
  [
    "a body filter that throws",
    { handlers: { bodyFilter: [thrower] } },
    500,
    ["request failed: broken"],
  ],
  [
    "a reply that can't be sent",
    { toAnswer: (reply) => (reply.status === 200 ? thrower() : reply) },
    500,
    ["request failed: broken"],
  ],
  ["a log that throws", { handlers: { log: [thrower] } }, 200, ["request failed: broken"]],
  [
    "a header filter and a log that throw",
    { handlers: { headerFilter: [thrower], log: [thrower] } },
    500,
    ["request failed: broken", "request failed: broken"],
  ],
  ["an upstream that fails", { outcome: reset }, 502, [`upstream failed: ${reset.message}`]],
  [
    "a call that fails for no known reason",
    { outcome: new Error("odd") },
    500,
    ["request failed: odd"],
  ],
  ["no route", { plan: null }, 404, []],
  ["no configuration", { plan: null, isLoaded: false }, 503, []],
  ["no route, with global rules", { plan: { isUnmatched: true } }, 404, []],
  ["a route that refers to what is missing", { plan: { unavailable: 503 } }, 503, []],
  ["no upstream", { plan: { upstream: null } }, 503, []],
  ["a plugin that replies", { handlers: { access: [() => statusReply(418)] } }, 418, []],
  ["the upstream's reply", {}, 200, []],
  ["the upstream's error", { outcome: { ...found, status: 503 } }, 503, []],
];

/** Ends that come later: the bed, what brings them about, the status. */
const later: readonly (readonly [string, Bed, (running: Running) => void, number])[] = [
  ["a promise that is rejected", { handlers: { access: [async () => thrower()] } }, () => {}, 500],
  [
    "a rewrite's promise that is rejected",
    { handlers: { rewrite: [async () => thrower()] } },
    () => {},
    500,
  ],
  [
    "a plugin that replies later",
    { handlers: { access: [async () => statusReply(418)] } },
    () => {},
    418,
  ],
  ["a plugin that lets it go on later", { handlers: { access: [async () => {}] } }, () => {}, 200],
  [
    "an upstream that fails later",
    { outcome: null },
    ({ transport }) => transport.calls[0]?.receiver.reject(reset),
    502,
  ],
  [
    "an upstream that replies later",
    { outcome: null },
    ({ transport }) => transport.calls[0]?.receiver.resolve(found),
    200,
  ],
  ["a body that is lost, for the match", { matchesBody: true, request: lostBody() }, () => {}, 400],
  [
    "a match that throws behind the body",
    { matchesBody: true, request: post("ab"), rematch: thrower },
    () => {},
    500,
  ],
  [
    "no route behind the body",
    { matchesBody: true, request: post("ab"), plan: null },
    () => {},
    404,
  ],
  ["a route behind the body", { matchesBody: true, request: post("ab") }, () => {}, 200],
  ...(
    [
      ["shutdown", 503],
      ["client-gone", 499],
      ["deadline", 504],
    ] as const
  ).map(
    ([reason, status]: readonly [CancelReason, number]) =>
      [
        `given up: ${reason}`,
        { outcome: null } satisfies Bed,
        ({ contextOf }: Running) => contextOf().cancel.cancel(reason),
        status,
      ] as const,
  ),
];

/** What is true of every request that is over. */
function expectOver({ answers, inFlight, idle, contextOf }: Running, status: number): void {
  expect(answers.map((reply) => reply.status)).toEqual([status]);
  expect(inFlight.size).toBe(0);
  expect(contextOf().inFlightSlot).toBe(-1);
  // What the connection was given while the request took long is taken back, once.
  expect(idle).toEqual([idleSeconds]);
  inFlight.stop();
}

describe("every end answers once and leaves nothing in flight", () => {
  test.each(atOnce)("%s", (_, bed, status, logged) => {
    const running = handled(bed);
    expectOver(running, status);
    expect(running.logged).toEqual(logged);
  });

  test.each(later)("%s", async (_, bed, act, status) => {
    const running = handled(bed);
    expect(running.inFlight.size).toBe(1);
    expect(running.answers).toEqual([]);
    act(running);
    await running.answered;
    expectOver(running, status);
  });

  test.each([
    ["fails", (result: LaterResult) => result.fail(new Error("broken")), 500],
    ["fails without an error", (result: LaterResult) => result.fail(undefined), 500],
    ["replies", (result: LaterResult) => result.settle(statusReply(418)), 418],
    ["goes on", (result: LaterResult) => result.settle(undefined), 200],
    [
      "says it twice",
      (result: LaterResult) => {
        result.settle(statusReply(418));
        result.fail(new Error("broken"));
      },
      418,
    ],
  ] as const)("a handler that %s later, and at once", async (_, give, status) => {
    const result = new LaterResult();
    const waiting = handled({ handlers: { access: [() => result] } });
    expect(waiting.inFlight.size).toBe(1);
    give(result);
    expectOver(waiting, status);
    expectOver(handled({ handlers: { access: [() => result] } }), status);
    // Waited for as a promise is, when another handler follows.
    const followed = handled({ handlers: { access: [() => result, () => undefined] } });
    await followed.answered;
    expectOver(followed, status);
  });

  test("the grace time of a stop gives up all that is in flight, with 503", async () => {
    const running = handled({ outcome: null });
    running.inFlight.cancelAll();
    await running.answered;
    expectOver(running, 503);
  });
});

describe("what fails in the response phases", () => {
  /** Beds in which an upstream's reply is not what its client gets. */
  const unsent: readonly (readonly [string, Bed])[] = [
    ["a header filter that throws", { handlers: { headerFilter: [thrower] } }],
    ["a body filter that throws", { handlers: { bodyFilter: [thrower] } }],
    [
      "a reply that can't be sent",
      { toAnswer: (reply) => (reply.status === 200 ? thrower() : reply) },
    ],
  ];

  test.each(unsent)("gives up the body that is on its way: %s", (_, bed) => {
    const pieces = new Pieces();
    const running = handled({ ...bed, outcome: { ...found, pieces: () => pieces } });
    expectOver(running, 500);
    expect(pieces.cancels).toBe(1);
  });

  test.each(unsent)("gives up the body that is a stream: %s", (_, bed) => {
    let cancels = 0;
    const body = new ReadableStream<Uint8Array>({
      cancel: () => {
        cancels += 1;
      },
    });
    expectOver(handled({ ...bed, outcome: { ...found, body } }), 500);
    expect(cancels).toBe(1);
  });

  test("leaves the body of a reply that is sent alone", () => {
    const pieces = new Pieces();
    const outcome = { ...found, pieces: () => pieces };
    expectOver(handled({ handlers: { log: [thrower] }, outcome }), 200);
    expect(pieces.cancels).toBe(0);
  });

  test("is what the logs see", () => {
    const seen: unknown[] = [];
    const log = (ctx: RequestContext, reply: GatewayReply) =>
      void seen.push(reply.status, ctx.reply?.status);
    handled({ handlers: { headerFilter: [thrower], log: [log] } });
    expect(seen).toEqual([500, 500]);
  });

  test("of one log keeps no other from its turn", () => {
    let turns = 0;
    const log = () => {
      turns += 1;
    };
    expectOver(handled({ handlers: { log: [log, thrower, log] } }), 200);
    expect(turns).toBe(2);
  });
});
