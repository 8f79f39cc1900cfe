export type { ClientConnection, ClientRequest } from "./client-request.ts";
export type { Consumer, ConsumerDirectory, FoundConsumer } from "./consumer.ts";
export { requestErrors } from "./errors.ts";
export { decode as decodeText } from "./fetch-body.ts";
export { FetchRequest, idleSeconds, type ServerHandle } from "./fetch-request.ts";
export { HeaderEdits } from "./header-edits.ts";
export { LaterResult, type ResultReceiver } from "./later-result.ts";
export {
  type HeaderHandler,
  isLater,
  type LogHandler,
  noHandlers,
  type PhaseHandlers,
  type PhaseResult,
  type RequestHandler,
  type RequestPhase,
  requestPhases,
  runPhase,
} from "./phase.ts";
export type {
  ChainBounds,
  OwnPage,
  Plugin,
  PluginHandlers,
  PluginLog,
  PluginRecords,
  PluginServices,
  Survivors,
  UpstreamDirectory,
} from "./plugin.ts";
export { type GatewayReply, messageReply, statusReply, textReply } from "./reply.ts";
export { RequestContext, type RequestTarget } from "./request-context.ts";
export { Sending, type UpstreamTry } from "./sending.ts";
export {
  type Caller,
  type CallTarget,
  type TargetCall,
  type TargetResolver,
  targetBySending,
  type UriOptions,
} from "./target.ts";
export type { RequestTrace, TracedCall, TracedStep, TraceSink } from "./trace-sink.ts";
