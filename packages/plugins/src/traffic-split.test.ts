import { describe, expect, test } from "bun:test";
import type { PluginServices } from "@catena/pipeline";
import { createResolver, createUpstreamRuntime, type UpstreamPlan } from "@catena/upstream";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";
import { trafficSplit } from "./traffic-split.ts";

type Rules = readonly object[];

/** Plans of upstreams that are told apart by their only node's host. */
function upstreamsOf(ids: readonly string[]): PluginServices["upstreams"] {
  const runtime = createUpstreamRuntime({
    resolver: createResolver({ hosts: {} }),
    // Nothing is sent here.
    transport: {} as never,
  });
  const plan = (host: string) => runtime.compile(host, { nodes: [{ host, port: 80, weight: 1 }] });
  return {
    stored: (id) => (id === "kafka" ? { issues: [] } : ids.includes(id) ? plan(`id-${id}`) : null),
    inline: (name, upstream) => runtime.compile(name, upstream),
  };
}

const bedOf = (rules: Rules, services: Partial<PluginServices> = {}): PluginBed =>
  new PluginBed([[trafficSplit, { rules }]], {
    services: { upstreams: upstreamsOf(["1", "2"]), ...services },
  });

const hostOf = (plan: UpstreamPlan | null | undefined): string => plan?.nodes[0]?.host ?? "route";

/** Where a request went, or the status and body of the reply instead. */
async function whither(bed: PluginBed, target = "/a"): Promise<string> {
  const { upstream, ctx, status, body } = await bed.ask({ target });
  return upstream === null ? `${status} ${body.slice(0, 70)}` : hostOf(ctx.sending?.upstream);
}

async function count(bed: PluginBed, times: number): Promise<Record<string, number>> {
  const counted: Record<string, number> = {};
  for (let i = 0; i < times; i++) {
    const to = await whither(bed);
    counted[to] = (counted[to] ?? 0) + 1;
  }
  return counted;
}

const inline = (host: string, weight = 1) => ({
  upstream: { nodes: { [`${host}:80`]: 1 } },
  weight,
});
const when = (...vars: unknown[]) => [{ vars }];

describe("shares", () => {
  const cases: [name: string, entries: readonly object[], counted: Record<string, number>][] = [
    ["an upstream by id", [{ upstream_id: 1 }], { "id-1": 8 }],
    ["an upstream of its own", [inline("own")], { own: 8 }],
    ["the route's own", [{ weight: 1 }], { route: 8 }],
    [
      "all three",
      [{ upstream_id: "1", weight: 2 }, inline("own"), {}],
      { "id-1": 4, own: 2, route: 2 },
    ],
    ["nothing by weight 0", [inline("own", 0), {}], { route: 8 }],
    [
      "the last of equal ones",
      [{ weight: 5 }, { upstream_id: 1 }, { weight: 1 }],
      { "id-1": 4, route: 4 },
    ],
    [
      "the last of equal ids",
      [{ upstream_id: 1, weight: 9 }, {}, { upstream_id: "1" }],
      { "id-1": 4, route: 4 },
    ],
  ];
  test.each(cases)("%s", async (_, weighted_upstreams, counted) => {
    expect(await count(bedOf([{ weighted_upstreams }]), 8)).toEqual(counted);
  });
});

describe("rules", () => {
  const one = { weighted_upstreams: [{ upstream_id: 1 }] };
  const two = { weighted_upstreams: [{ upstream_id: 2 }] };
  const gone = { weighted_upstreams: [{ upstream_id: 9 }] };
  const byX = when(["arg_x", "==", "1"]);
  const cases: [name: string, rules: Rules, target: string, to: string][] = [
    ["without any the route's own", [], "/a", "route"],
    ["without upstreams the route's own", [{}], "/a", "route"],
    ["the first that matches", [{ match: byX, ...one }, two], "/a?x=1", "id-1"],
    ["the next when it does not", [{ match: byX, ...one }, two], "/a?x=2", "id-2"],
    ["the route's own when none does", [{ match: byX, ...one }], "/a", "route"],
    [
      "one match of several",
      [{ match: [...when(["arg_y", "==", "1"]), ...byX], ...one }],
      "/?x=1",
      "id-1",
    ],
    [
      "all conditions of a match",
      [{ match: when(["arg_x", "==", "1"], ["arg_y", "==", "1"]), ...one }],
      "/?x=1",
      "route",
    ],
    ["an empty list of the first rule", [{ match: [], ...one }], "/a", "id-1"],
    [
      "no empty list after it",
      [
        { match: byX, ...one },
        { match: [], ...two },
      ],
      "/a",
      "route",
    ],
    ["empty conditions hold", [{ match: when(), ...one }], "/a", "id-1"],
    [
      "an unknown upstream is an error",
      [gone],
      "/a",
      "500 failed to fetch upstream info by upstream id: 9",
    ],
    [
      "also where the rule does not match",
      [{ match: byX, ...gone }, one],
      "/a",
      "500 failed to fetch upstream info by upstream id: 9",
    ],
    ["not behind the rule that matches", [one, gone], "/a", "id-1"],
  ];
  test.each(cases)("%s", async (_, rules, target, to) => {
    expect(await whither(bedOf(rules), target)).toBe(to);
  });
});

describe("conditions on the body", () => {
  const form = "application/x-www-form-urlencoded";
  const cases: [name: string, variable: string, type: string, body: string, to: string][] = [
    ["an argument of a form", "post_arg_id", form, "a=2&id=1", "id-1"],
    ["another value", "post_arg_id", form, "id=2", "route"],
    ["no form", "post_arg_id", "text/plain", "id=1", "route"],
    ["a member of JSON", "post_arg.a.id", "application/json", '{"a":{"id":"1"}}', "id-1"],
    ["a member of a form", "post_arg.id", form, "id=1", "id-1"],
    ["the body", "request_body", "text/plain", "1", "id-1"],
  ];
  test.each(cases)("%s", async (_, variable, type, body, to) => {
    const match = when([variable, "==", "1"]);
    const bed = bedOf([{ match, weighted_upstreams: [{ upstream_id: 1 }] }]);
    const { ctx } = await bed.ask({ method: "POST", body, headers: { "content-type": type } });
    expect(hostOf(ctx.sending?.upstream)).toBe(to);
  });
});

test("an upstream by id that can't be served answers 503", async () => {
  expect(await whither(bedOf([{ weighted_upstreams: [{ upstream_id: "kafka" }] }]))).toStartWith(
    "503",
  );
});

test("an upstream of its own that can't be served keeps the plugin from being made", () => {
  const upstream = { nodes: { "a:1": 1 }, scheme: "kafka" };
  expect(() => bedOf([{ weighted_upstreams: [{ upstream }] }])).toThrow("kafka");
});

test("turns go on when the plan is made anew, and begin anew with another configuration", async () => {
  const kept = new Map<string, unknown>();
  const survivors: PluginServices["survivors"] = {
    get: <T>(plugin: string, owner: string, make: () => T): T => {
      const key = `${plugin} ${owner}`;
      if (!kept.has(key)) kept.set(key, make());
      return kept.get(key) as T;
    },
  };
  const rules = [
    {
      weighted_upstreams: [
        { upstream_id: 1, weight: 1 },
        { upstream_id: 2, weight: 1 },
      ],
    },
  ];
  const first = await whither(bedOf(rules, { survivors }));
  expect(await whither(bedOf(rules, { survivors }))).not.toBe(first);
});

test.each([
  [[{ match: when(["arg_x", "nope", 1]) }], "failed to validate the 'vars' expression: "],
  [[{ match: [{}] }], "failed to validate the 'vars' expression: missing argument rule"],
  [[{ weighted_upstreams: [] }], ""],
  [[{ weighted_upstreams: [{ weight: -1 }] }], ""],
] as const)("%j is refused", (rules, message) => {
  const problems = problemsOf(trafficSplit, { rules });
  expect(problems).not.toHaveLength(0);
  expect(problems[0]?.message).toStartWith(message);
});
