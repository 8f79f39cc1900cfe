import { dslErrors } from "./errors.ts";
import { callerPosition } from "./source-position.ts";

/**
 * The text of an environment variable when the config is compiled, for what must not stand in a file. It
 * is stored as it is; `$env://NAME` in its place is stored as that, and read by the gateway.
 *
 * @throws DSL_ARGUMENT when the variable is not set or empty.
 *
 * @example
 * export const jack = consumer("jack", {
 *   plugins: { "key-auth": { key: fromEnvironment("JACK_KEY") } },
 * });
 */
export function fromEnvironment(name: string): string {
  const source = callerPosition(fromEnvironment);
  // biome-ignore lint/style/noProcessEnv: the environment of whoever compiles is what is asked for
  const text = process.env[name];
  if (text !== undefined && text !== "") return text;
  throw dslErrors.DSL_ARGUMENT({
    what: `the environment variable ${name} is not set`,
    hint: "this config reads it when it is compiled",
    source,
  });
}
