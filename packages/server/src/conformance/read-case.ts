/** What a reader is to make of some bytes of a client. */
export interface ReadCase {
  /** As a fact. */
  readonly name: string;
  /** latin1. */
  readonly bytes: string;
  /** Requests that are read whole, in order. */
  readonly requests: readonly ReadRequest[];
  /** Status of what is refused behind them; absent when nothing is. */
  readonly refused?: number;
}

/** A request as it was read; what a case leaves out may be anything. */
export interface ReadRequest {
  readonly method?: string;
  readonly target?: string;
  readonly host?: string | null;
  readonly keepAlive?: boolean;
  readonly expectsContinue?: boolean;
  /** Flat list, as in a head. */
  readonly headers?: readonly string[];
  /** latin1. */
  readonly body?: string;
}

/** A request with a Host; lines are given without their ends. */
export function get(target: string, ...lines: readonly string[]): string {
  return head(`GET ${target} HTTP/1.1`, "Host: a.test", ...lines);
}

/** A POST with a Host; the body comes behind it. */
export function post(target: string, ...lines: readonly string[]): string {
  return head(`POST ${target} HTTP/1.1`, "Host: a.test", ...lines);
}

export function head(...lines: readonly string[]): string {
  return `${lines.join("\r\n")}\r\n\r\n`;
}

export function accepted(name: string, bytes: string, ...requests: ReadRequest[]): ReadCase {
  return { name, bytes, requests };
}

export function refused(name: string, bytes: string, status: number): ReadCase {
  return { name, bytes, requests: [], refused: status };
}
