import { parseArgs } from "node:util";
import { defineErrors } from "@catena/errors";

export const usageErrors = defineErrors({
  USAGE: {
    status: 400,
    source: "config",
    retryable: false,
    message: (p: { reason: string; command: string }) =>
      `${p.reason}; see catena ${p.command} --help`,
  },
});

/** One option of a command, as `--help` shows it. */
export interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** May be given more than once. */
  readonly multiple?: true;
  /** What stands for the value in the help: `URL`. */
  readonly placeholder?: string;
  readonly help: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** Parsed options: text for `string` options, `true` for given `boolean` ones. */
export interface ParsedArguments {
  readonly positionals: readonly string[];
  text(name: string): string | undefined;
  /** Every value of an option that may be given more than once. */
  texts(name: string): readonly string[];
  flag(name: string): boolean;
}

/**
 * Reads a command's arguments. Unknown options and missing values are refused by name.
 *
 * @throws USAGE
 */
export function readArguments(
  command: string,
  args: readonly string[],
  specs: OptionSpecs,
): ParsedArguments {
  const options: Record<string, { type: "string" | "boolean"; short?: string; multiple?: true }> =
    {};
  for (const [name, { type, short, multiple }] of Object.entries(specs)) {
    options[name] = {
      type,
      ...(short === undefined ? {} : { short }),
      ...(multiple === undefined ? {} : { multiple }),
    };
  }
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (cause) {
    const reason = cause instanceof Error ? firstSentence(cause.message) : String(cause);
    throw usageErrors.USAGE({ reason, command }, cause);
  }
  const { values, positionals } = parsed;
  return {
    positionals,
    text: (name) => {
      const value = values[name];
      return typeof value === "string" ? value : undefined;
    },
    texts: (name) => {
      const value = values[name];
      return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
    },
    flag: (name) => values[name] === true,
  };
}

function firstSentence(text: string): string {
  const end = text.indexOf(". ");
  return (end < 0 ? text : text.slice(0, end)).replace(/\.$/, "");
}
