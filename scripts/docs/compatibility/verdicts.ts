import type { JsonObject, Kind } from "@catena/schema";

/** What becomes of a field that does not simply work as in APISIX. */
export type Verdict =
  | {
      /** How. A probe of its name in compatibility.test.ts shows that it is still so. */
      readonly differs: string;
    }
  | {
      /** What the gateway says; a test sends `example` and looks for it. */
      readonly refused: string;
      /** A document of the kind that has the field. */
      readonly example: JsonObject;
    };

const upstream = { nodes: { "127.0.0.1:80": 1 } };
const lua = "function(vars) return true end";
const script = "local _M = {} return _M";

/**
 * Fields that differ from APISIX, by kind and dotted path; every other field is served as there.
 */
export const fieldVerdicts: Readonly<Partial<Record<Kind, Readonly<Record<string, Verdict>>>>> = {
  routes: {
    filter_func: {
      refused: "Lua code cannot run here",
      example: { id: "example", uri: "/v", upstream, filter_func: lua },
    },
    script: {
      refused: "Lua code cannot run here",
      example: { id: "example", uri: "/v", upstream, script },
    },
    enable_websocket: { differs: "upgrades are not passed on" },
  },
  services: {
    script: { refused: "Lua code cannot run here", example: { id: "example", script } },
    enable_websocket: { differs: "upgrades are not passed on" },
  },
  upstreams: {
    scheme: { differs: "http and https; with another the route answers 503, `/status` says why" },
    discovery_type: { differs: "dns; with another the route answers 503, `/status` says why" },
  },
};

/** Kinds that are stored and have no effect, or another one. */
export const kindVerdicts: Readonly<Partial<Record<Kind, string>>> = {
  protos: "Stored; nothing uses them.",
  stream_routes: "Stored and listed under `unserved` on `/status`; TCP and UDP are not served.",
  ssls: "Those of type client are shown to upstreams; the gateway itself does not serve TLS.",
};
