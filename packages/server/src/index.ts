export type { ByteSocket, SocketListener } from "./byte-socket.ts";
export type { AnswerRequest, Peer, WebSocketUpgrader } from "./connection-owner.ts";
export type { H2Connections } from "./h2/h2-connections.ts";
export {
  type HttpServer,
  type HttpServerOptions,
  listenHttp,
  ServerConnections,
} from "./http-server.ts";
export { type RenderedReply, type ReplyIdentity, renderReply } from "./render-reply.ts";
export type { ServerConnection } from "./server-connection.ts";
export type { ServerRequest } from "./server-request.ts";
export type { ClientWebSocket, WebSocketHandlers } from "./websocket/client-web-socket.ts";
export { createWebSocketUpgrader } from "./websocket/web-socket-upgrader.ts";
