import { type ConformanceSkip, describeTransport } from "../transport.conformance.ts";
import { createFetchTransport } from "./fetch-transport.ts";

const skips = (reason: string, tests: readonly string[]): ConformanceSkip[] =>
  tests.map((test) => ({ test, reason }));

describeTransport("fetch", createFetchTransport, {
  skips: [
    ...skips("fetch resolves dots as a URL does", ["a target's dots are not resolved"]),
    ...skips("fetch refuses a body with GET", ["GET may have a body"]),
    ...skips("fetch adds Accept, User-Agent and Connection", [
      "no header but framing is added to the call's own",
    ]),
    ...skips("fetch gives reply headers as a Headers object", [
      "repeated headers stay apart, in order, as they were written",
    ]),
    ...skips("fetch cannot tell connecting from waiting", [
      "a handshake that does not end is a connect timeout; nothing was sent",
    ]),
    ...skips("fetch waits for a complete head", ["refuses text that is not HTTP"]),
    ...skips("fetch takes LF for a line end", [
      "refuses a bare LF",
      "refuses a head that ends lines with LF alone",
    ]),
    ...skips("fetch takes a head of more than 1 MB", ["refuses a head of more than 64 KiB"]),
    ...skips("fetch reads doubtful framing in its own way", [
      "refuses two equal lengths",
      "refuses a length together with chunks",
      'refuses the transfer-encoding "identity"',
      'refuses the transfer-encoding "gzip, chunked"',
      'refuses the transfer-encoding ""',
      "refuses chunks in HTTP/1.0",
    ]),
    ...skips("fetch neither bounds nor checks extensions and trailers", [
      "refuses a chunk extension without end",
      "refuses many chunk extensions",
      "refuses a bad trailer",
      "refuses trailers of more than 64 KiB",
    ]),
    ...skips("fetch ends a body with its last chunk or its connection, however that ended", [
      "bytes behind a chunked body end the connection",
      "a close within the trailers is an error",
      "a reset within the trailers is an error",
      "a reset within a body until close is an error",
    ]),
  ],
});
