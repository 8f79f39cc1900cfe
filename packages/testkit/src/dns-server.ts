import { createSocket, type RemoteInfo } from "node:dgram";

/** One record of a {@link DnsServer}; `data` is an address, a name, or what SRV holds. */
export type DnsRecord =
  | { readonly type: "A" | "AAAA" | "CNAME"; readonly data: string; readonly ttl?: number }
  | {
      readonly type: "SRV";
      readonly data: {
        readonly priority: number;
        readonly weight: number;
        readonly port: number;
        readonly target: string;
      };
      readonly ttl?: number;
    };

/** A name server on loopback that knows what a test tells it. */
export interface DnsServer {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Questions in order, as `TYPE name`. */
  readonly questions: readonly string[];
  /** What is answered from now on; a name that is missing does not exist. */
  records: Readonly<Record<string, readonly DnsRecord[]>>;
  /** `true` answers nothing at all. */
  isSilent: boolean;
  stop(): void;
}

const TYPES: Readonly<Record<number, DnsRecord["type"]>> = {
  1: "A",
  5: "CNAME",
  28: "AAAA",
  33: "SRV",
};
const CODES = { A: 1, CNAME: 5, AAAA: 28, SRV: 33 } as const;

/** Starts a {@link DnsServer} over UDP on a free port (RFC 1035; no compression, one question). */
export async function startDnsServer(records: DnsServer["records"] = {}): Promise<DnsServer> {
  const socket = createSocket("udp4");
  const questions: string[] = [];
  const server = { address: "", questions, records, isSilent: false, stop: () => socket.close() };
  socket.on("message", (query: Buffer, from: RemoteInfo) => {
    const { name, code, end } = readQuestion(query);
    questions.push(`${TYPES[code] ?? code} ${name}`);
    if (!server.isSilent)
      socket.send(answer(query, end, code, server.records[name]), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  server.address = `127.0.0.1:${socket.address().port}`;
  return server;
}

const HEADER_BYTES = 12;

function readQuestion(query: Buffer): { name: string; code: number; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length).toLowerCase());
    at += 1 + length;
  }
  return { name: labels.join("."), code: query.readUInt16BE(at + 1), end: at + 5 };
}

function answer(
  query: Buffer,
  end: number,
  code: number,
  found: readonly DnsRecord[] | undefined,
): Buffer {
  const matching = (found ?? []).filter(({ type }) => type === TYPES[code] || type === "CNAME");
  const head = Buffer.alloc(HEADER_BYTES);
  query.copy(head, 0, 0, 2);
  // A response, recursion available; 3 is "no such name".
  head.writeUInt16BE(found === undefined ? 0x8183 : 0x8180, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(matching.length, 6);
  return Buffer.concat([head, query.subarray(HEADER_BYTES, end), ...matching.map(writeRecord)]);
}

function writeRecord(record: DnsRecord): Buffer {
  const data = writeData(record);
  const head = Buffer.alloc(12);
  // The owner is the name of the question, which begins behind the header.
  head.writeUInt16BE(0xc000 | HEADER_BYTES, 0);
  head.writeUInt16BE(CODES[record.type], 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(record.ttl ?? 60, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function writeData(record: DnsRecord): Buffer {
  switch (record.type) {
    case "A":
      return Buffer.from(record.data.split(".").map(Number));
    case "AAAA":
      return writeIpv6(record.data);
    case "CNAME":
      return writeName(record.data);
    case "SRV": {
      const { priority, weight, port, target } = record.data;
      const head = Buffer.alloc(6);
      head.writeUInt16BE(priority, 0);
      head.writeUInt16BE(weight, 2);
      head.writeUInt16BE(port, 4);
      return Buffer.concat([head, writeName(target)]);
    }
  }
}

function writeName(name: string): Buffer {
  const labels = name
    .split(".")
    .map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, "latin1"));
  return Buffer.concat([...labels, Buffer.alloc(1)]);
}

function writeIpv6(address: string): Buffer {
  const [left = "", right = ""] = address.split("::");
  const groups = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const head = groups(left);
  const tail = groups(right);
  const all = [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  const bytes = Buffer.alloc(16);
  for (const [index, group] of all.entries()) bytes.writeUInt16BE(group, index * 2);
  return bytes;
}
