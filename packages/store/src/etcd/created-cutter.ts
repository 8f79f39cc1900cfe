import type { ReplyVerdict } from "@catena/testkit";

const frameHeaderBytes = 9;
const dataFrame = 0;

/**
 * Makes a relay cut the connection right behind the answer to a watch's creation, once: the events
 * that follow are lost on the wire after the client was told that it is watching.
 *
 * Reads HTTP/2 frames (RFC 9113 section 4.1) and in them etcd's WatchResponse (field 1 header, field 3
 * created).
 */
export function cutAfterCreated(): (chunk: Buffer, connection: number) => ReplyVerdict {
  const pending = new Map<number, Buffer>();
  let isDone = false;
  return (chunk, connection) => {
    if (isDone) return { pass: chunk, cut: false };
    let rest = Buffer.concat([pending.get(connection) ?? Buffer.alloc(0), chunk]);
    const pass: Buffer[] = [];
    while (rest.length >= frameHeaderBytes) {
      const size = frameHeaderBytes + rest.readUIntBE(0, 3);
      if (rest.length < size) break;
      const frame = rest.subarray(0, size);
      rest = rest.subarray(size);
      pass.push(frame);
      if (frame[3] === dataFrame && isCreated(frame.subarray(frameHeaderBytes))) {
        isDone = true;
        return { pass: Buffer.concat(pass), cut: true };
      }
    }
    pending.set(connection, rest);
    return { pass: Buffer.concat(pass), cut: false };
  };
}

/** @param data a gRPC message: five bytes of prefix, then protobuf */
function isCreated(data: Buffer): boolean {
  const headerTag = 0x0a;
  const createdTag = 0x18;
  if (data[5] !== headerTag) return false;
  const afterHeader = 7 + (data[6] ?? 0);
  return data[afterHeader] === createdTag && data[afterHeader + 1] === 1;
}
