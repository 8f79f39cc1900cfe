import type { JsonObject, Kind } from "@catena/schema";

/** What becomes of a field that does not simply work as in APISIX. */
export type Verdict =
  | { readonly differs: string }
  | {
      /** What the gateway says; a test sends `example` and looks for it. */
      readonly refused: string;
      /** A document of the kind that has the field. */
      readonly example: JsonObject;
    };

const node = { "127.0.0.1:80": 1 };
const lua = "function(vars) return true end";

/**
 * Fields that differ from APISIX, by kind and dotted path; every other field is served as there. The
 * list is held against the gateway by compatibility.test.ts.
 */
export const fieldVerdicts: Readonly<Partial<Record<Kind, Readonly<Record<string, Verdict>>>>> = {
  routes: {
    filter_func: {
      refused: "filter_func",
      example: { uri: "/v", upstream: { nodes: node }, filter_func: lua },
    },
    script: {
      refused: "script",
      example: { uri: "/v", upstream: { nodes: node }, script: "return {}" },
    },
  },
  upstreams: {
    scheme: {
      differs: "http and https; grpc, grpcs, tcp, udp, tls and kafka are refused when it is used",
    },
  },
};

/** Plugins that are served and differ in something. */
export const pluginVerdicts: Readonly<Record<string, string>> = {};
