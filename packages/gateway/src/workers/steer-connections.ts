import { dlopen, ptr } from "bun:ffi";
import { readdirSync } from "node:fs";

/**
 * Where a worker's listener is among all listeners of its port: the kernel keeps those of SO_REUSEPORT in an
 * array, appends a new one, and moves the last into the place of one that goes (reuseport_add_sock and
 * reuseport_detach_sock in net/core/sock_reuseport.c).
 */
export interface ListenerSeat {
  readonly index: number;
  readonly count: number;
}

/**
 * Sends new connections to the other workers from now on. Connections that wait to be
 * accepted when a listener closes are reset by Linux, even where others listen on the port: a listener
 * that is to close without a loss must not be given any more, while it goes on accepting those it has.
 *
 * @returns `null` when done, else why not (no Linux, no glibc, not listening).
 */
export function steerAway(seat: ListenerSeat): string | null {
  return attach(soAttachReusePortFilter, avoid(seat));
}

/** Lets the kernel spread new connections over all workers again. */
export function steerEvenly(): string | null {
  return attach(soAttachReusePortFilter, byHash);
}

/**
 * Lets no client begin a connection with this worker: its SYN is dropped, and what it sends again a
 * second later reaches another worker if this one has closed by then. For where the seat is not known.
 *
 * @returns `null` when done, else why not.
 */
export function turnAway(): string | null {
  return attach(soAttachFilter, dropSyn);
}

/** One instruction of a classic BPF program: code, jump if true, jump if false, operand. */
type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, operand: number];

// linux/filter.h, linux/bpf_common.h
const loadWord = 0x20;
const loadByte = 0x30;
const and = 0x54;
const jumpIfEqual = 0x15;
const modulo = 0x94;
const jumpIfAtLeast = 0x35;
const add = 0x04;
const returnAccumulator = 0x16;
const returnConstant = 0x06;
/** SKF_AD_OFF + SKF_AD_RANDOM: not the packet's hash, which is 0 for some network cards. */
const randomNumber = -0x1000 + 56;

/** An index that no listener has: the kernel then decides by its own hash. */
const byHash: readonly Instruction[] = [[returnConstant, 0, 0, 0xffff_ffff]];

/** A random index out of the others: one of `count - 1`, moved up by one from `index` on. */
function avoid({ index, count }: ListenerSeat): readonly Instruction[] {
  if (count < 2) return byHash;
  return [
    [loadWord, 0, 0, randomNumber >>> 0],
    [modulo, 0, 0, count - 1],
    [jumpIfAtLeast, 0, 1, index],
    [add, 0, 0, 1],
    [returnAccumulator, 0, 0, 0],
  ];
}

/** The packet begins with its TCP header: flags at 13, SYN without ACK is the first of a connection. */
const dropSyn: readonly Instruction[] = [
  [loadByte, 0, 0, 13],
  [and, 0, 0, 0x12],
  [jumpIfEqual, 0, 1, 0x02],
  [returnConstant, 0, 0, 0],
  [returnConstant, 0, 0, 0xffff_ffff],
];

// asm-generic/socket.h
const solSocket = 1;
const soReusePort = 15;
const soAttachFilter = 26;
const soAcceptConnections = 30;
const soAttachReusePortFilter = 51;

function attach(option: number, program: readonly Instruction[]): string | null {
  if (process.platform !== "linux") return "only Linux can";
  try {
    const libc = openLibc();
    try {
      const encoded = encode(program);
      const fds = findListeners(libc);
      const isTaken = (fd: number): boolean =>
        libc.symbols.setsockopt(fd, solSocket, option, ptr(encoded), headerBytes) === 0;
      if (fds.length === 0) return "no socket of this process shares a port";
      return fds.every(isTaken) ? null : "the kernel takes no such filter";
    } finally {
      libc.close();
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** That of glibc, or of musl. */
const libcNames = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

function openLibc() {
  const functions = {
    setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
    getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  } as const;
  let failure: unknown;
  for (const name of libcNames) {
    try {
      return dlopen(name, functions);
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

/** Every listener of this process that shares its port; Bun does not tell their descriptors. */
function findListeners({ symbols }: ReturnType<typeof openLibc>): readonly number[] {
  const read = (fd: number, option: number): number | null => {
    const value = new Int32Array(1);
    const size = new Uint32Array([value.byteLength]);
    const result = symbols.getsockopt(fd, solSocket, option, ptr(value), ptr(size));
    return result === 0 ? (value[0] ?? null) : null;
  };
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => read(fd, soAcceptConnections) === 1 && read(fd, soReusePort) === 1);
}

const headerBytes = 16;
const instructionBytes = 8;

/** struct sock_fprog of a 64-bit system with its array of struct sock_filter behind it. */
function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(headerBytes + program.length * instructionBytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, program.length, true);
  view.setBigUint64(8, BigInt(ptr(bytes) + headerBytes), true);
  program.forEach(([code, whenTrue, whenFalse, operand], position) => {
    const at = headerBytes + position * instructionBytes;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, whenTrue);
    view.setUint8(at + 3, whenFalse);
    view.setUint32(at + 4, operand, true);
  });
  return bytes;
}
