import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@catena/testkit";
import { runCatena, spawnCatena } from "./run-catena.testbed.ts";
import { commands } from "./run-cli.ts";

const mainFile = join(import.meta.dir, "main.ts");
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "catena-cli-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
const config = (uri = "/a") =>
  `import { route } from "@catena/dsl";
export const x = route({ uri: "${uri}", upstream: { nodes: { "127.0.0.1:1": 1 } } });\n`;

/** Runs a command in a terminal of its own and answers the first question it asks. */
async function runInTerminal(
  args: readonly string[],
  answer: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number; readonly printed: string }> {
  let printed = "";
  let isAnswered = false;
  const child = Bun.spawn([process.execPath, mainFile, ...args], {
    cwd: folder,
    env: { ...process.env, TERM: "xterm", NO_COLOR: "", ...environment },
    terminal: {
      data: (terminal, bytes) => {
        printed += new TextDecoder().decode(bytes);
        if (isAnswered || !printed.includes("[y/N]")) return;
        isAnswered = true;
        terminal.write(`${answer}\n`);
      },
    },
  });
  return { code: await child.exited, printed };
}

/** With it begins every change of colour. */
const controlSequence = "\u001b[";

describe("help", () => {
  test.each(commands.map((command) => [command.name, command] as const))(
    "%s says what it takes and does nothing else",
    async (name, { options, summary }) => {
      for (const flag of ["--help", "-h"]) {
        const { code, stdout, stderr } = await runCatena([name, flag], folder);
        expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
        expect(stdout).toStartWith(`usage: catena ${name}`);
        expect(stdout).toContain(summary);
        for (const option of Object.keys(options)) expect(stdout).toContain(`--${option}`);
      }
    },
  );

  test("names every command and the exit codes; asked for it is no error, else it is", async () => {
    const asked = await runCatena(["--help"], folder);
    expect(asked.code).toBe(0);
    for (const { name } of commands) expect(asked.stdout).toContain(`\n  ${name} `);
    expect(asked.stdout).toContain("Exit codes: 0 ");
    expect((await runCatena([], folder)).code).toBe(2);
  });
});

describe("what is printed", () => {
  test("reaches a slow reader to the last byte", async () => {
    write(
      "a.ts",
      `import { route } from "@catena/dsl";
       export default Array.from({ length: 3000 }, (_, i) =>
         route("r" + i, { uri: "/" + i, upstream: { nodes: { "127.0.0.1:1": 1 } } }));\n`,
    );
    const child = spawnCatena(["compile", "a.ts"], folder);
    const reader = child.stdout.getReader();
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value, { stream: true });
      // What a pipe holds is 64 KiB: the command must be waiting by now.
      if (text.length < 200_000) await Bun.sleep(1);
    }
    expect(await child.exited).toBe(0);
    expect(JSON.parse(text).routes).toHaveLength(3000);
  });

  test("a reader that goes away ends it without a word", async () => {
    write("a.ts", config());
    const shell = Bun.spawn(
      ["sh", "-c", '"$0" "$1" compile a.ts | true', process.execPath, mainFile],
      { cwd: folder, stdout: "pipe", stderr: "pipe" },
    );
    const [stdout, stderr] = await Promise.all([
      new Response(shell.stdout).text(),
      new Response(shell.stderr).text(),
    ]);
    expect({ stdout, stderr, code: await shell.exited }).toEqual({
      stdout: "",
      stderr: "",
      code: 0,
    });
  });

  test("what a config prints is kept out of the JSON", async () => {
    write("a.ts", `console.log("loading");\n${config()}`);
    const { stdout, stderr } = await runCatena(["compile", "a.ts"], folder);
    expect(JSON.parse(stdout).routes).toHaveLength(1);
    expect(stderr).toContain("loading");
  });

  test("colours are for terminals, and not for those that want none", async () => {
    write("a.ts", config());
    write("bad.ts", "export const x = 1 +;\n");
    const piped = await runCatena(["validate", "bad.ts"], folder);
    expect(piped.code).toBe(1);
    expect(piped.stdout + piped.stderr).not.toContain(controlSequence);
    const args = ["validate", "a.ts"];
    expect((await runInTerminal(args, "")).printed).toContain(controlSequence);
    expect((await runInTerminal(args, "", { NO_COLOR: "1" })).printed).not.toContain(
      controlSequence,
    );
    expect((await runInTerminal(args, "", { TERM: "dumb" })).printed).not.toContain(
      controlSequence,
    );
  });
});

describe("the question before a deploy", () => {
  test("no leaves everything as it is, yes writes, --yes is not asked", async () => {
    write("a.ts", config());
    const deploy = ["deploy", "a.ts", "--store", "sqlite:store.db"];
    const no = await runInTerminal(deploy, "n");
    expect(no.printed).toContain("+ routes/x");
    expect(no.printed).toContain("nothing was written");
    expect(no.code).toBe(1);
    const yes = await runInTerminal(deploy, "y");
    expect(yes.printed).toContain("revision 1 of sqlite:store.db");
    expect(yes.code).toBe(0);
    write("a.ts", config("/b"));
    const unasked = await runInTerminal([...deploy, "--yes"], "n");
    expect(unasked.printed).not.toContain("[y/N]");
    expect(unasked.printed).toContain("revision 2");
  });
});

describe("exit codes", () => {
  const cases: readonly (readonly [string, readonly string[], number, string])[] = [
    ["0: valid", ["validate", "a.ts"], 0, ""],
    ["1: findings", ["validate", "bad.ts"], 1, "bad.ts"],
    ["1: a folder that can't be made", ["compile", "a.ts", "--out", "/proc/x"], 1, "/proc/x"],
    ["1: a store that can't be", ["deploy", "a.ts", "--store", "redis://x"], 1, "sqlite:FILE"],
    ["1: settings that are wrong", ["deploy", "a.ts", "--settings", "bad.ts"], 1, "bad.ts"],
    ["1: settings that are not there", ["start", "--settings", "no.ts"], 1, "no.ts does not exist"],
    ["1: nothing to watch", ["dev", "no.ts"], 1, "no.ts does not exist"],
    ["2: an unknown option", ["deploy", "--nmae", "x"], 2, "--nmae"],
    ["2: a name that is no name", ["deploy", "a.ts", "--name", "a/b"], 2, "--name a/b"],
    ["2: an unknown action", ["undo", "all"], 2, "undo list"],
    ["3: no store", ["deploy", "a.ts", "--store", "etcd://127.0.0.1:1"], 3, "does not answer"],
  ];
  test.each(cases)("%s", async (_name, args, expected, says) => {
    write("a.ts", config());
    write("bad.ts", "export const x = 1 +;\n");
    const { code, stderr } = await runCatena(args, folder);
    expect({ code, stderr }).toMatchObject({ code: expected });
    expect(stderr).toContain(says);
    // A fault of the user's is told without the places in our code.
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe("processes", () => {
  async function listening(): Promise<Readonly<Record<string, string>>> {
    const address = async () => `127.0.0.1:${await freePort()}`;
    return {
      CATENA_LISTEN: await address(),
      CATENA_ADMIN_LISTEN: await address(),
      CATENA_CONTROL_LISTEN: await address(),
    };
  }

  async function start(args: readonly string[], environment: Readonly<Record<string, string>>) {
    const child = spawnCatena(args, folder, environment);
    let printed = "";
    const reading = [child.stdout, child.stderr].map(async (stream) => {
      const decoder = new TextDecoder();
      for await (const chunk of stream) printed += decoder.decode(chunk, { stream: true });
    });
    const until = async (text: string): Promise<void> => {
      const giveUpAt = performance.now() + 20_000;
      while (!printed.includes(text)) {
        if (performance.now() > giveUpAt || child.exitCode !== null) {
          throw new Error(`waited in vain for "${text}":\n${printed}`);
        }
        await Bun.sleep(2);
      }
    };
    const ended = async (): Promise<string> => {
      await Promise.all([...reading, child.exited]);
      return printed;
    };
    return { child, until, ended };
  }

  test("a second signal ends start at once, whatever is left to drain", async () => {
    write("slow.ts", "export default { drainSeconds: 60 };\n");
    const { child, until, ended } = await start(
      ["start", "--settings", "slow.ts"],
      await listening(),
    );
    await until("Control API");
    child.kill("SIGTERM");
    await until("draining");
    child.kill("SIGINT");
    await ended();
    expect(child.exitCode).toBe(130);
  });

  test("dev writes to a store of its own, whatever store the settings name", async () => {
    write("a.ts", config());
    write("gateway.ts", 'export default { store: "etcd://127.0.0.1:1", drainSeconds: 0 };\n');
    const environment = await listening();
    const { child, until, ended } = await start(
      ["dev", "a.ts", "--settings", "gateway.ts"],
      environment,
    );
    await until("watching");
    child.kill("SIGTERM");
    expect(await ended()).toContain("+ routes/x");
    expect(child.exitCode).toBe(0);
    expect(statSync(join(folder, ".catena/dev.db")).mode & 0o777).toBe(0o600);
  });

  test("a well-known key is warned of, a file without a key is refused", async () => {
    const environment = await listening();
    const known = "edd1c9f034335f136f87ad84b625c8f1";
    const { child, until, ended } = await start(["start"], {
      ...environment,
      CATENA_ADMIN_KEY: known,
    });
    await until("Control API");
    child.kill("SIGTERM");
    const printed = await ended();
    expect(printed).toContain("warning: the admin key is one printed in APISIX's documentation");
    expect(printed).not.toContain(known);
    write("empty.key", "\n");
    const refused = await runCatena(["start"], folder, {
      ...environment,
      CATENA_ADMIN_KEY_FILE: "empty.key",
    });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("empty.key");
  });
});
