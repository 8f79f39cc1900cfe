import { chainJsonSchema } from "@catena/ir";

/** Writes the published JSON Schema of stored chains, for editors and other programs. */
export function writeChainSchema(): string {
  return `${JSON.stringify(chainJsonSchema(), null, 2)}\n`;
}
