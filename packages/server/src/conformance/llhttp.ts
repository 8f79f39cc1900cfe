import type { ReadRequest } from "./read-case.ts";

/** What another parser makes of the same bytes. */
export interface OtherReading {
  readonly requests: readonly OtherRequest[];
  /** Its name for what is wrong; `null` when nothing is. */
  readonly error: string | null;
}

export type OtherRequest = Required<Pick<ReadRequest, "method" | "target" | "headers" | "body">>;

type Callback = (...values: readonly unknown[]) => unknown;

/** The part of Node's binding that is used; it has no types. */
interface HttpParser {
  initialize(kind: number, resource: object): void;
  execute(bytes: Buffer): unknown;
  finish(): unknown;
  [callback: number]: Callback;
}

interface HttpParserBinding {
  readonly HTTPParser: {
    new (): HttpParser;
    readonly REQUEST: number;
    readonly kOnHeaders: number;
    readonly kOnHeadersComplete: number;
    readonly kOnBody: number;
    readonly kOnMessageComplete: number;
  };
  readonly allMethods: readonly string[];
}

// The runtime has Node's internal bindings, and no types of them.
const { binding } = process as unknown as {
  readonly binding: (name: "http_parser") => HttpParserBinding;
};
const { HTTPParser, allMethods } = binding("http_parser");

/** Reads requests with llhttp, the parser of Node, at its strictest. */
export function readWithLlhttp(bytes: Buffer): OtherReading {
  const requests: OtherRequest[] = [];
  let headers: string[] = [];
  let target = "";
  let method = "";
  let body: Buffer[] = [];
  let hasHead = false;
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {});
  parser[HTTPParser.kOnHeaders] = (more, url) => {
    // What comes behind a body are trailers.
    if (hasHead) return;
    // The binding hands over a flat list of texts, and the target or nothing.
    headers.push(...(more as string[]));
    target += (url as string | undefined) ?? "";
  };
  parser[HTTPParser.kOnHeadersComplete] = (_major, _minor, more, index, url) => {
    hasHead = true;
    // As above; the method is a place in the list of methods.
    headers.push(...((more as string[] | undefined) ?? []));
    target ||= (url as string | undefined) ?? "";
    method = allMethods[index as number] ?? "";
  };
  parser[HTTPParser.kOnBody] = (piece) => {
    body.push(Buffer.from(piece as Buffer));
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    const text = Buffer.concat(body).toString("latin1");
    requests.push({ method, target, headers: joined(headers), body: text });
    headers = [];
    target = "";
    body = [];
    hasHead = false;
  };
  try {
    const result = parser.execute(bytes);
    return { requests, error: result instanceof Error ? codeOf(result) : null };
  } catch (error) {
    return { requests, error: codeOf(error) };
  }
}

/** Names in lower case, values of a repeated one joined, as the reader has them. */
function joined(flat: readonly string[]): readonly string[] {
  const values = new Map<string, string>();
  for (let i = 0; i < flat.length; i += 2) {
    const name = (flat[i] ?? "").toLowerCase();
    const value = flat[i + 1] ?? "";
    const before = values.get(name);
    const separator = name === "cookie" ? "; " : ", ";
    values.set(name, before === undefined ? value : before + separator + value);
  }
  return [...values].flat();
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
