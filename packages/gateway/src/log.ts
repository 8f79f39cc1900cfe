/** One JSON line per event. Values must never be secrets, tokens or query strings. */
export interface Log {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** Longest line written; an item with an endless name must not fill a disk. */
const maxLineBytes = 8192;

/**
 * A log that writes JSON lines: `{"time","level","message",…}`. `JSON.stringify` escapes control
 * characters, so no field can forge a line.
 *
 * @param always fields of every line, such as which of several processes writes it.
 */
export function createLog(
  write: (line: string) => void,
  always: Readonly<Record<string, unknown>> = {},
): Log {
  const line =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      const text = JSON.stringify({
        time: new Date().toISOString(),
        level,
        message,
        ...always,
        ...fields,
      });
      write(text.length > maxLineBytes ? `${text.slice(0, maxLineBytes)}…"}` : text);
    };
  return { info: line("info"), warn: line("warn"), error: line("error") };
}
