import type { PluginLog } from "@catena/pipeline";

/**
 * A log that lets each message through once: what goes wrong with every request is worth one line per
 * configuration, not one per request.
 */
export function firstOnly(log: PluginLog): PluginLog {
  const written = new Set<string>();
  const isFirst = (message: string): boolean => {
    if (written.has(message)) return false;
    written.add(message);
    return true;
  };
  return {
    warn(message, fields) {
      if (isFirst(message)) log.warn(message, fields);
    },
    error(message, fields) {
      if (isFirst(message)) log.error(message, fields);
    },
  };
}
