/** Colours for a terminal; the identity where there is none. */
export interface Style {
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
}

/** Where a command writes; tests give arrays. */
export interface Output {
  readonly style: Style;
  out(text: string): void;
  err(text: string): void;
}

const paint =
  (code: number, end: number) =>
  (text: string): string =>
    `\u001b[${code}m${text}\u001b[${end}m`;

const plain = (text: string): string => text;

export const noStyle: Style = { red: plain, green: plain, yellow: plain, dim: plain, bold: plain };

const colours: Style = {
  red: paint(31, 39),
  green: paint(32, 39),
  yellow: paint(33, 39),
  dim: paint(2, 22),
  bold: paint(1, 22),
};

/** Output of this process. */
export interface TerminalOutput extends Output {
  /**
   * Resolves when everything is handed over. Exiting before that cuts a long output short: what a
   * pipe does not take at once (64 KiB) waits in this process, and the callback of a write does not
   * tell when it has gone.
   */
  end(): Promise<void>;
}

/** Coloured on a terminal unless NO_COLOR is set (https://no-color.org). */
export function terminalOutput(): TerminalOutput {
  const coloured =
    process.stdout.isTTY === true &&
    (process.env["NO_COLOR"] ?? "") === "" &&
    process.env["TERM"] !== "dumb";
  const guard = (stream: NodeJS.WriteStream) => {
    // The style is chosen by standard output; the other one may be a file all the same.
    const isPlain = stream.isTTY !== true;
    // A reader that went away (`catena explain | head`) is no fault of ours.
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(0);
      throw error;
    });
    return (text: string): void => {
      stream.write(`${isPlain ? Bun.stripANSI(text) : text}\n`);
    };
  };
  return {
    style: coloured ? colours : noStyle,
    out: guard(process.stdout),
    err: guard(process.stderr),
    end: async () => {
      await Promise.all([process.stdout, process.stderr].map(ended));
    },
  };
}

function ended(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.end(() => resolve()));
}
