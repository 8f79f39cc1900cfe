import { describe, expect, test } from "bun:test";
import type { HeaderLines } from "@catena/http";
import fc from "fast-check";
import {
  endsHere,
  type ForwardedFor,
  isUsualConnection,
  requestHeaders,
  requestLines,
  responseHeaders,
} from "./headers.ts";
import type { ReturnedLines } from "./transport/transport.ts";
import { parseReplyHead } from "./transport/wire/reply-head.ts";

type Header = readonly [name: string, value: string];

const about: ForwardedFor = {
  clientAddress: "10.0.0.9",
  scheme: "http",
  rawHost: "shop.test:9080",
  serverPort: 9081,
};

/** Names that end at this hop, of either direction. */
const ending = [
  "connection",
  "content-length",
  "expect",
  "forwarded",
  "host",
  "keep-alive",
  "proxy-connection",
  "server",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-accel-buffering",
  "x-accel-charset",
  "x-accel-expires",
  "x-accel-limit-rate",
  "x-accel-redirect",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-pad",
  "x-real-ip",
];
/** Names as long as those, and others. */
const others = ["date", "dates", "x-hop", "x-kept", "accept-ran", "set-cookie", "content-lengtg"];

/** A name in some case, told by the bits of a number. */
const inCase = (name: string, bits: number): string =>
  [...name].map((letter, at) => (bits & (1 << (at % 24)) ? letter.toUpperCase() : letter)).join("");

const name = fc
  .tuple(fc.constantFrom(...ending, ...others), fc.nat(2 ** 24 - 1))
  .map(([lower, bits]) => inCase(lower, bits));
const anyName = fc.oneof(name, fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,16}$/));
const anyValue = fc.oneof(
  fc.stringMatching(/^(?:[!-~](?:[ -~]{0,12}[!-~])?)?$/),
  fc.constantFrom("a: b", "1.2.3.4, 5.6.7.8", ":", ","),
);
const connection = fc.constantFrom(
  "close",
  "keep-alive",
  "Keep-Alive",
  "Close",
  "KEEP-ALIVE",
  "",
  ",",
  "close, X-Hop",
  "x-hop",
  "X-Kept , ,x-hop",
  "Upgrade",
  "keep-alive, Upgrade",
  "host, x-real-ip",
);
/** White space that may stand around a value. */
const blank = fc.constantFrom("", " ", "  ", "\t");

/** A header, with the value that makes sense of some names. */
const header: fc.Arbitrary<Header> = anyName.chain((named) =>
  (named.toLowerCase() === "connection" ? connection : anyValue).map(
    (value): Header => [named, value],
  ),
);

const lower = ([named]: Header): string => named.toLowerCase();

/** Lines as a list, names in lower case. */
function listed(text: string): string[] {
  const flat: string[] = [];
  for (const line of text.split("\r\n").slice(0, -1)) {
    const colon = line.indexOf(":");
    flat.push(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return flat;
}

/** A flat list with names in lower case, without some. */
function lowered(flat: readonly string[], without: string): string[] {
  const kept: string[] = [];
  for (let i = 0; i < flat.length; i += 2) {
    const named = (flat[i] ?? "").toLowerCase();
    if (named !== without) kept.push(named, flat[i + 1] ?? "");
  }
  return kept;
}

/** A client's head as the server keeps it. */
function linesOf(headers: readonly Header[], pads: readonly string[]): HeaderLines {
  let text = "GET / HTTP/1.1\r\n";
  const starts: number[] = [];
  for (const [at, [named, value]] of headers.entries()) {
    starts.push(text.length);
    text += `${named}:${pads[at % pads.length]}${value}\r\n`;
  }
  starts.push(text.length);
  const flat = headers.flatMap((one) => [lower(one), one[1]]);
  return { text: `${text}\r\nx-body: 1\r\n`, starts, headers: flat };
}

/** Whether a `Connection` asks for more headers to end here than do anyway. */
const asksForMore = (value: string, always: readonly string[]): boolean =>
  value
    .split(",")
    .map((option) => option.trim().toLowerCase())
    .some((option) => option !== "" && !always.includes(option));

const requestEnds = ending.filter((one) => !/^(?:server|x-accel-.*|x-pad)$/.test(one));
const pads = fc.array(blank, { minLength: 1, maxLength: 4 });

describe("a client's lines", () => {
  const heads = fc.uniqueArray(header, { maxLength: 14, selector: lower });

  test("say what the list says, or nothing where Connection names more", () => {
    let refused = 0;
    fc.assert(
      fc.property(heads, pads, (headers, padding) => {
        const client = linesOf(headers, padding);
        const lines = requestLines(client, about);
        const said = headers.find((one) => lower(one) === "connection")?.[1] ?? "close";
        if (lines === null) {
          refused += 1;
          expect(isUsualConnection(said)).toBe(false);
          expect(asksForMore(said, requestEnds)).toBe(true);
          return;
        }
        expect(isUsualConnection(said) || !asksForMore(said, requestEnds)).toBe(true);
        expect(listed(lines)).toEqual(lowered(requestHeaders(client.headers, about), "host"));
      }),
      { numRuns: 1_500 },
    );
    expect(refused).toBeGreaterThan(0);
  });

  test("are each cut out, wherever it stands", () => {
    for (const one of requestEnds) {
      if (one === "connection") continue;
      for (const place of [0, 1, 2]) {
        const headers: Header[] = [
          ["X-A", "1"],
          ["X-B", "2"],
        ];
        headers.splice(place, 0, [inCase(one, 0b1001), "3"]);
        const client = linesOf(headers, [" "]);
        const lines = requestLines(client, about) ?? "";
        expect(listed(lines)).toEqual(lowered(requestHeaders(client.headers, about), "host"));
        expect(lines).toEndWith("X-A: 1\r\nX-B: 2\r\n");
      }
    }
  });

  test("of none are ours alone", () => {
    expect(requestLines(linesOf([], [""]), { ...about, rawHost: "[::1]" })).toBe(
      "X-Real-IP: 10.0.0.9\r\nX-Forwarded-For: 10.0.0.9\r\nX-Forwarded-Proto: http\r\n" +
        "X-Forwarded-Host: [::1]\r\nX-Forwarded-Port: 9081\r\n",
    );
  });
});

/** What a transport and a client make of an upstream's head. */
function returned(headers: readonly Header[], padding: readonly string[], isHead = false) {
  const lines = headers.map(
    ([named, value], at) => `${named}:${padding[at % padding.length]}${value}\r\n`,
  );
  const text = `HTTP/1.1 200 OK\r\n${lines.join("")}`;
  const head = parseReplyHead(`${text}\r\nx-body: 1\r\n\r\n`, text.length, isHead);
  if (typeof head === "string") throw new Error(head);
  return { lines: head.returnedLines(), list: responseHeaders(head.headers) };
}

function expectSame(lines: ReturnedLines, list: readonly string[]): void {
  expect(listed(lines.text)).toEqual(lowered(list, "content-length"));
  expect(lines.isDated).toBe(hasName(list, "date"));
}

const hasName = (list: readonly string[], wanted: string): boolean =>
  list.some((one, at) => at % 2 === 0 && one === wanted);

describe("an upstream's lines", () => {
  // Framing is put in by the test, so that the head is a sound one.
  const heads = fc.array(
    header.filter((one) => !/^(?:content-length|transfer-encoding)$/.test(lower(one))),
    { maxLength: 14 },
  );
  const framing = fc.constantFrom<readonly Header[]>(
    [],
    [["Content-Length", "12"]],
    [["CONTENT-LENGTH", "0"]],
    [["Transfer-Encoding", "Chunked"]],
  );

  test("say what the list says, or nothing where Connection is not a usual one", () => {
    let refused = 0;
    fc.assert(
      fc.property(heads, framing, fc.nat(), pads, (made, how, place, padding) => {
        const headers = made.toSpliced(place % (made.length + 1), 0, ...how);
        const { lines, list } = returned(headers, padding);
        const isUsual = headers
          .filter((one) => lower(one) === "connection")
          .every(([, value]) => isUsualConnection(value));
        expect(lines !== null).toBe(isUsual);
        if (lines === null) {
          refused += 1;
          return;
        }
        expectSame(lines, list);
        const [first] = how;
        const isLength = first !== undefined && lower(first) === "content-length";
        expect(lines.declared).toBe(isLength ? Number(first[1]) : -1);
      }),
      { numRuns: 1_500 },
    );
    expect(refused).toBeGreaterThan(0);
  });

  test("are none of a reply without a body", () => {
    expect(returned([["X-A", "1"]], [" "], true).lines).toBeNull();
  });

  test("go on beside a Keep-Alive, which names no headers", () => {
    const { lines } = returned(
      [
        ["Keep-Alive", "timeout=5"],
        ["Connection", "keep-alive"],
        ["X-A", "1"],
      ],
      [" "],
    );
    expect(lines?.text).toBe("X-A: 1\r\n");
  });

  test("that Connection names end here, in whichever line of it", () => {
    const hop: Header = ["X-Hop", "1"];
    const named: Header = ["Connection", "x-hop"];
    const usual: Header = ["Connection", "close"];
    const more: Header = ["connection", "X-More"];
    for (const headers of [
      [hop, named, usual],
      [usual, hop, named],
      [named, more, hop, ["x-more", "2"]],
    ] as const) {
      const { lines, list } = returned([...headers], [" "]);
      expect(lines).toBeNull();
      expect(list).toEqual([]);
    }
  });

  test("a name ends here where the list leaves it out, and nowhere else", () => {
    fc.assert(
      fc.property(anyName, (one) => {
        const isKept = responseHeaders([one, "keep-alive"]).length > 0;
        expect(endsHere(`..${one}: `, 2, 2 + one.length)).toBe(!isKept);
      }),
      { numRuns: 500 },
    );
  });

  test("the usual values of Connection are those that name nothing", () => {
    for (const value of ["close", "keep-alive", "Keep-Alive"]) {
      expect(isUsualConnection(value)).toBe(true);
      expect(responseHeaders(["Connection", value, "X-A", "1"])).toEqual(["x-a", "1"]);
    }
    for (const value of ["", "Upgrade", "close, x-a", "close ", "keep-alive,close"])
      expect(isUsualConnection(value)).toBe(false);
  });
});
