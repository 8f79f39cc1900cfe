import { existsSync } from "node:fs";
import { join } from "node:path";

export const repositoryRoot = join(import.meta.dir, "../../..");

export type FoundTool =
  | { readonly kind: "found"; readonly path: string }
  | { readonly kind: "missing"; readonly why: string };

/** Debian keeps servers in `/usr/sbin`, which is not on every user's PATH. */
const searchPath = `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;

/** Finds a system binary. With `install`, an absent one comes from its Debian package. */
export function ensureTool(binary: string, aptPackage: string, install: boolean): FoundTool {
  return ensureFound(binary, aptPackage, install, () => Bun.which(binary, { PATH: searchPath }));
}

/** As `ensureTool`, for a file that is no command: a module or a library. */
export function ensureFile(
  paths: readonly string[],
  aptPackage: string,
  install: boolean,
): FoundTool {
  const locate = (): string | null => paths.find((path) => existsSync(path)) ?? null;
  return ensureFound(paths[0] ?? "", aptPackage, install, locate);
}

function ensureFound(
  name: string,
  aptPackage: string,
  install: boolean,
  locate: () => string | null,
): FoundTool {
  const here = locate();
  if (here !== null) return { kind: "found", path: here };
  const script = join(repositoryRoot, "scripts/lib/ensure.sh");
  if (!install || !existsSync(script)) {
    return { kind: "missing", why: `the package ${aptPackage} is not installed` };
  }
  const run = Bun.spawnSync(
    ["bash", "-c", '. "$1" && ensure_apt "$2" "$3" "the benchmark"', "-", script, name, aptPackage],
    { env: { ...process.env, PATH: searchPath }, stdout: "pipe", stderr: "pipe" },
  );
  const installed = locate();
  if (installed !== null) return { kind: "found", path: installed };
  const complaint = run.stderr.toString().trim().replace(/\s+/g, " ").slice(-300);
  return { kind: "missing", why: `${aptPackage} could not be installed: ${complaint}` };
}
