export type { Refusal } from "./candidate.ts";
export { normalizeHost } from "./host-filter.ts";
export type { Captures, RouterMode } from "./path-pattern.ts";
export {
  createRouter,
  type RouteEntry,
  type RouteMatch,
  type Router,
  type Trial,
} from "./router.ts";
