import * as typebox from "@sinclair/typebox";
import * as dsl from "../index.ts";

/** What a config file exports, its source given as text. */
export function evaluateConfig(source: string): Readonly<Record<string, unknown>> {
  const names = [...source.matchAll(/^export const (\w+)/gm)].map(([, name]) => name);
  const script = source
    .replace(
      /^import (\{[^}]*\}) from "([^"]+)";/gm,
      (_, imported, from) => `const ${imported} = modules[${JSON.stringify(from)}];`,
    )
    .replace(/^export const/gm, "const");
  const code = new Bun.Transpiler({ loader: "ts" }).transformSync(
    `export function run(modules: any) {\n${script}\nreturn { ${names.join(", ")} };\n}`,
  );
  const run = new Function(
    "modules",
    `${code.replace("export function", "function")}\nreturn run(modules);`,
  );
  return run({ "@catena/dsl": dsl, "@sinclair/typebox": typebox });
}
