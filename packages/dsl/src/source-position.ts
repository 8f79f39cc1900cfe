import type { SourcePosition } from "@catena/errors";

/** Frames that are none of a config file's: the engine's and the runtime's own code. */
const FOREIGN = /^(native|node:|ext:|bun:|<)/;

/**
 * Where the code that called `boundary` stands.
 *
 * @param boundary the function of this package that user code called; frames up to it are left out.
 *   Cut off by function, not by file, so that it holds in a bundle too. It must be on the stack:
 *   JavaScriptCore drops the frame of a function that ends in a call (a proper tail call).
 * @returns `undefined` where the engine gives no stack.
 */
export function callerPosition(
  boundary: (...args: never[]) => unknown,
): SourcePosition | undefined {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, boundary);
  for (const line of holder.stack?.split("\n") ?? []) {
    const position = line.trimStart().startsWith("at ") ? parseFrame(line) : null;
    if (position !== null) return position;
  }
  return undefined;
}

/** Reads `at f (file:///a.ts:3:7)` or `at /a.ts:3:7`: V8's form, which JavaScriptCore shares. */
function parseFrame(frame: string): SourcePosition | null {
  const place = frame.replace(/^\s*at (?:async )?/, "").replace(/^.* \((.*)\)$/, "$1");
  const match = /^(.+):(\d+):(\d+)$/.exec(place);
  if (match === null) return null;
  const [, file = "", line, column] = match;
  return FOREIGN.test(file)
    ? null
    : { file: toPath(file), line: Number(line), column: Number(column) };
}

function toPath(file: string): string {
  if (!file.startsWith("file://")) return file;
  const path = file.slice("file://".length);
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** `configs/a.ts:3:7`, or a word for a place nobody knows. */
export function formatPosition(source: SourcePosition | undefined): string {
  return source === undefined
    ? "an unknown place"
    : `${source.file}:${source.line}:${source.column}`;
}
