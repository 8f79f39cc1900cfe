import {
  getPath,
  type JsonFault,
  type JsonObjectSlices,
  scanObject,
  scanWhole,
} from "@catena/json";

/** JSON text of a value, or `undefined` where there is none. */
export type Raw = string | undefined;

/**
 * A valid JSON text with its top-level members found, so that looking into it decodes nothing and
 * numbers keep their digits.
 */
export class JsonView {
  /** The whole text, without surrounding whitespace. */
  readonly raw: string;
  /** Present when the text is an object that was taken apart. */
  readonly members: JsonObjectSlices | null;

  constructor(raw: string, members: JsonObjectSlices | null) {
    this.raw = raw;
    this.members = members;
  }

  /** The raw text at a path; `undefined` when nothing is there. */
  get(path: readonly (string | number)[]): Raw {
    if (path.length === 0) return this.raw;
    if (this.members === null) return getPath(this.raw, path) ?? undefined;
    const member = this.members.get(String(path[0]));
    if (member === undefined || path.length === 1) return member;
    return getPath(member, path.slice(1)) ?? undefined;
  }
}

/** Validates a text once and makes it lookable. */
export function viewJson(text: string, maxDepth: number): JsonView | JsonFault {
  const scan = scanObject(text, { maxDepth });
  if (scan.kind === "fault") return scan;
  return scan.kind === "object" ? new JsonView(text.trim(), scan) : new JsonView(scan.raw, null);
}

/** As {@link viewJson}, for a text that is only passed on: one whose members nobody asks for by name. */
export function viewWhole(text: string, maxDepth: number): JsonView | JsonFault {
  const raw = scanWhole(text, maxDepth);
  return typeof raw === "string" ? new JsonView(raw, null) : raw;
}

/** A view of a text that we made ourselves; scanned only when a member is asked for. */
export function viewTrusted(raw: string): JsonView {
  return new JsonView(raw, null);
}

/** What a raw JSON text is, told by its first character. */
export function kindOf(raw: string): "object" | "array" | "string" | "number" | "boolean" | "null" {
  switch (raw.charCodeAt(0)) {
    case 0x7b:
      return "object";
    case 0x5b:
      return "array";
    case 0x22:
      return "string";
    case 0x74:
    case 0x66:
      return "boolean";
    case 0x6e:
      return "null";
    default:
      return "number";
  }
}
