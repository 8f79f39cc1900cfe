export { type BodySink, ChunkedBody } from "./chunked-body.ts";
export { DeadlineSweep, type Timed } from "./deadline-sweep.ts";
export { MAX_HEAD_BYTES, MAX_HEADERS } from "./head-limits.ts";
export { NOT_TOKEN, NOT_VALUE } from "./http-syntax.ts";
