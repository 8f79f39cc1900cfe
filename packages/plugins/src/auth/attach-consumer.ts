import {
  type Consumer,
  type ConsumerDirectory,
  type GatewayReply,
  HeaderEdits,
  messageReply,
  type PluginLog,
  type RequestContext,
} from "@catena/pipeline";

/**
 * Makes a consumer the one who asks, and tells the upstream. What the client itself sent in these
 * headers is replaced or removed, so that nobody can claim to be somebody (apisix/consumer.lua).
 */
export function attachConsumer(ctx: RequestContext, consumer: Consumer): void {
  ctx.consumer = consumer;
  let edits = toldOf.get(consumer);
  if (edits === undefined) {
    edits = editsFor(consumer);
    toldOf.set(consumer, edits);
  }
  ctx.editHeaders().include(edits);
}

/** What the upstream is told of a consumer, the same for each of its requests. */
const toldOf = new WeakMap<Consumer, HeaderEdits>();

function editsFor(consumer: Consumer): HeaderEdits {
  const edits = new HeaderEdits();
  edits.set("X-Consumer-Username", consumer.name);
  if (consumer.credentialId === "") edits.remove("X-Credential-Identifier");
  else edits.set("X-Credential-Identifier", consumer.credentialId);
  if (consumer.customId === "") edits.remove("X-Consumer-Custom-ID");
  else edits.set("X-Consumer-Custom-ID", consumer.customId);
  return edits;
}

/** 401 with a message and the challenge of RFC 9110 §11.6.1. */
function unauthorized(message: string, challenge: string): GatewayReply {
  const reply = messageReply(401, { message });
  reply.headers.push("WWW-Authenticate", challenge);
  return reply;
}

/** How an auth plugin goes on when it could not identify the client. */
export interface Fallback {
  readonly challenge: string;
  readonly anonymous: string | undefined;
  /** Name of the plugin, for the log. */
  readonly plugin: string;
  readonly consumers: ConsumerDirectory;
  readonly log: PluginLog;
}

/**
 * Lets the anonymous consumer in, if there is one; else refuses with the reason. `hide` takes away
 * the credentials that were no good, since the upstream would see them otherwise.
 */
export function fallBack(
  ctx: RequestContext,
  fallback: Fallback,
  reason: string,
  hide: ((ctx: RequestContext) => void) | null,
): GatewayReply | undefined {
  const { challenge, anonymous, consumers, log } = fallback;
  if (anonymous === undefined) return unauthorized(reason, challenge);
  hide?.(ctx);
  const consumer = consumers.get(anonymous);
  if (consumer === null) {
    log.error("the anonymous consumer does not exist", {
      plugin: fallback.plugin,
      consumer: anonymous,
      route: ctx.routeId,
    });
    return unauthorized("Invalid user authorization", challenge);
  }
  attachConsumer(ctx, consumer);
  return undefined;
}
