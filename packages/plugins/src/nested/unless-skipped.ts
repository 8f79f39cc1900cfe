import type { RequestHandler } from "@catena/pipeline";

/** A plugin's handler that leaves requests alone for which another plugin ran it already. */
export function unlessSkipped(plugin: string, handler: RequestHandler): RequestHandler {
  return (ctx) => (ctx.skippedPlugins?.has(plugin) === true ? undefined : handler(ctx));
}
