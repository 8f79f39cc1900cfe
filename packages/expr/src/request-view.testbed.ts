import type { RequestView } from "./request-view.ts";

/** A request as literals; headers by lower-case name. */
export interface RequestSketch extends Partial<Omit<RequestView, "header">> {
  readonly headers?: Readonly<Record<string, string>>;
}

/** A view of `GET http://a.test/hello` from 127.0.0.1, with what the sketch says instead. */
export function viewOf({ headers = {}, ...sketch }: RequestSketch = {}): RequestView {
  return {
    method: "GET",
    rawHost: "a.test:9080",
    host: "a.test",
    path: "/hello",
    rawTarget: "/hello",
    query: "",
    scheme: "http",
    id: "00000000-0000-4000-8000-000000000001",
    startedAt: 0,
    clientAddress: "127.0.0.1",
    clientPort: 4711,
    peerAddress: "127.0.0.1",
    serverAddress: "10.0.0.1",
    serverPort: 9080,
    params: {},
    routeId: "",
    routeName: "",
    serviceId: "",
    serviceName: "",
    consumer: null,
    reply: null,
    ...sketch,
    header: (name) => headers[name] ?? null,
  };
}
