import {
  type ClientConnection,
  FetchRequest,
  type GatewayReply,
  messageReply,
  type ServerHandle,
  statusReply,
} from "@catena/pipeline";
import {
  type AnswerSink,
  createRequestHandler,
  type HandlerOptions,
} from "../request/handle-request.ts";
import { parseTarget } from "../request/request-target.ts";
import { type ResponseOptions, toResponse } from "./to-response.ts";

/**
 * Answers one request of a server with the fetch API's types; never rejects.
 *
 * @param connection what is known of it where the server does not know: behind a TLS front.
 */
export type AnswerFetch = (
  request: Request,
  server: ServerHandle,
  connection?: ClientConnection,
) => Response | Promise<Response>;

/** The way of a request that the runtime's server has read. */
export function createFetchAnswer(options: HandlerOptions, response: ResponseOptions): AnswerFetch {
  const handle = createRequestHandler(options, (reply) => toResponse(reply, response));
  return (request, server, connection) => {
    const refusal = refuseEarly(request);
    if (refusal !== null) return toResponse(refusal, response);
    const target = parseTarget(request.url, request.headers.get("host"));
    if ("refused" in target) return toResponse(statusReply(target.status), response);
    const sink = new ResponseSink();
    handle(new FetchRequest(request, server, connection), target, sink);
    return sink.response();
  };
}

/** A response that is there at once where nothing waits: a promise costs a turn of the event loop. */
class ResponseSink implements AnswerSink<Response> {
  #answer: Response | null = null;
  #resolve: ((answer: Response) => void) | null = null;

  answer(answer: Response): void {
    this.#answer = answer;
    this.#resolve?.(answer);
  }

  response(): Response | Promise<Response> {
    if (this.#answer !== null) return this.#answer;
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }
}

function refuseEarly(request: Request): GatewayReply | null {
  const { method, headers } = request;
  // As nginx; every other method that Bun knows is passed on.
  if (method === "TRACE" || method === "CONNECT") return statusReply(405);
  // Bun hides the body of a GET or HEAD: passing the request on would drop data in silence.
  if ((method === "GET" || method === "HEAD") && hasBody(headers)) {
    return messageReply(400, { error_msg: `a ${method} request with a body is not forwarded` });
  }
  return null;
}

function hasBody(headers: Headers): boolean {
  const length = headers.get("content-length");
  return length === null ? headers.has("transfer-encoding") : length !== "0";
}
