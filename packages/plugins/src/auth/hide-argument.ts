import { withoutArgument } from "@catena/expr";
import type { RequestContext } from "@catena/pipeline";

/** Takes a query argument away from the upstream and from the plugins that run later. */
export function hideArgument(ctx: RequestContext, name: string): void {
  ctx.query = withoutArgument(ctx.query, name);
  const target = ctx.upstreamTarget;
  const mark = target.indexOf("?");
  if (mark < 0) return;
  const query = withoutArgument(target.slice(mark + 1), name);
  ctx.upstreamTarget = query === "" ? target.slice(0, mark) : `${target.slice(0, mark)}?${query}`;
}
