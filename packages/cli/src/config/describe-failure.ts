import { resolve, sep } from "node:path";
import { type Issue, isGatewayError, type SourcePosition } from "@catena/errors";

/** Frames of our own code are no place in a config. */
export const ownCode = resolve(import.meta.dir, "../../..") + sep;

/**
 * What kept a file from being evaluated, with its place. Syntax errors come as an AggregateError of
 * messages with positions, one by one or alone.
 */
export function describeFailure(error: unknown, file: string): Issue[] {
  if (isGatewayError(error)) {
    const { source } = error.details;
    return [
      {
        path: "",
        code: error.code,
        message: error.message,
        source: isPosition(source) ? source : positionOf(error, file),
      },
    ];
  }
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.flatMap((one) => describeFailure(one, file));
  }
  const message = error instanceof Error || hasMessage(error) ? error.message : String(error);
  return [
    {
      path: "",
      code: "CONFIG_FAILED",
      message: `the config file can't be evaluated: ${message}`,
      source: positionOf(error, file),
    },
  ];
}

/** Where an error was thrown: its own position, or the first frame outside of our code. */
export function positionOf(error: unknown, file: string): SourcePosition {
  if (typeof error === "object" && error !== null && "position" in error) {
    const { position } = error;
    if (isPosition(position)) {
      return { file: position.file || file, line: position.line, column: position.column };
    }
  }
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  for (const line of stack.split("\n")) {
    const match = /\(?((?:file:\/\/)?\/[^\s()]+):(\d+):(\d+)\)?$/.exec(line.trim());
    if (match === null) continue;
    const [, path = "", row, column] = match;
    const at = path.replace(/^file:\/\//, "");
    if (at.startsWith(ownCode) && at !== resolve(file)) continue;
    return { file: at, line: Number(row), column: Number(column) };
  }
  return { file: resolve(file), line: 1, column: 1 };
}

function isPosition(value: unknown): value is SourcePosition {
  return (
    typeof value === "object" &&
    value !== null &&
    "file" in value &&
    typeof value.file === "string" &&
    "line" in value &&
    typeof value.line === "number" &&
    "column" in value &&
    typeof value.column === "number"
  );
}

function hasMessage(value: unknown): value is { readonly message: string } {
  return (
    typeof value === "object" &&
    value !== null &&
    "message" in value &&
    typeof value.message === "string"
  );
}
