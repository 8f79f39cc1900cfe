import { isAbsolute, relative } from "node:path";
import type { Issue, SourcePosition } from "@catena/errors";

/** `configs/a.ts:3:7`, the file as seen from the working directory. */
export function formatPosition({ file, line, column }: SourcePosition): string {
  return `${shortFile(file)}:${line}:${column}`;
}

/** The issue with its files as seen from the working directory, which is how people name them. */
export function withShortFile(issue: Issue): Issue {
  const { source } = issue;
  const message = issue.message.replaceAll(`${process.cwd()}/`, "");
  return source === undefined
    ? { ...issue, message }
    : { ...issue, message, source: { ...source, file: shortFile(source.file) } };
}

/** A path as seen from the working directory, when it is below that. */
export function shortFile(file: string): string {
  if (!isAbsolute(file)) return file;
  const short = relative(process.cwd(), file);
  return short.startsWith("..") ? file : short;
}
