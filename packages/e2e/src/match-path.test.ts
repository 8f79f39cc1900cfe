import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { defaultSettings, type PartialSettings } from "@catena/gateway";
import { type GatewayBed, startGatewayBed } from "./bed/gateway-bed.ts";
import { type Service, startEcho } from "./bed/service.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";

/** What is asked for, and the route that takes it; a number where none does. */
type Cases = readonly (readonly [target: string, by: string | number])[];

const suites: readonly (readonly [
  name: string,
  uri: Partial<typeof defaultSettings.uri>,
  cases: Cases,
])[] = [
  [
    "as they are",
    {},
    [
      ["/a", "a /a"],
      ["/a/", 404],
      ["/a;v=1", 404],
      ["/u/b%2Fc", 404],
    ],
  ],
  [
    "without a slash at the end",
    { deleteTailSlash: true },
    [
      ["/a/", "a /a"],
      ["/a/?x=1", "a /a?x=1"],
      ["/a", "a /a"],
      ["/form/", "form /form"],
      ["/", 404],
    ],
  ],
  [
    "as servlets read them",
    { normalizeLikeServlet: true },
    [
      ["/a;v=1?x=1", "a /a?x=1"],
      ["/u;x/b;y", "user /u/b"],
      ["/a;", "a /a"],
      ["/u/;x", 404],
      ["/u/;x/b", 400],
      ["/..;x/a", 400],
      ["/u/.;x/b", 400],
      ["/u/%252e%252E;/b", 400],
    ],
  ],
  [
    "with encoded slashes in segments",
    { matchEncodedSlash: true },
    [
      ["/u/b%2fc", "user /u/b/c"],
      ["/u/b%2F%41", "user /u/b/A"],
      ["/u/b/c", 404],
      ["/a", "a /a"],
      ["/u/..%2Fx", 404],
      ["/u//b%2Fc", 404],
    ],
  ],
];

describe.each(suites)("paths %s", (_, uri, cases) => {
  let storeBed: StoreBed;
  let bed: GatewayBed;
  let echo: Service;

  beforeAll(async () => {
    storeBed = await startSqlite();
    const settings: PartialSettings = {
      router: "radixtree_uri_with_parameter",
      uri: { ...defaultSettings.uri, ...uri },
    };
    bed = await startGatewayBed({ storeUrl: storeBed.url, settings });
    echo = startEcho();
    const upstream = { type: "roundrobin", nodes: { [echo.node]: 1 } };
    const plugins = {
      "response-rewrite": { headers: { set: { "x-by": "$route_id $request_uri" } } },
    };
    await bed.put({
      "routes/a": { uri: "/a", upstream, plugins },
      "routes/user": { uri: "/u/:id", upstream, plugins },
      "routes/form": { uri: "/form", vars: [["post_arg_a", "==", "1"]], upstream, plugins },
    });
  });

  afterAll(async () => {
    await bed.stop();
    await storeBed.stop();
    await echo.stop();
  });

  test.each(cases)("%s is for %s, and goes on as it is", async (target, by) => {
    const isForm = target.startsWith("/form");
    const response = await fetch(bed.url + target, isForm ? { method: "POST", body: form } : {});
    expect(response.headers.get("x-by") ?? response.status).toBe(by);
    if (response.ok) expect(echo.seen.at(-1)?.target).toBe(target);
  });
});

const form = new URLSearchParams({ a: "1" });
