import { describe, expect, test } from "bun:test";
import type { RouterMode } from "./path-pattern.ts";
import type { RouteEntry, Router } from "./router.ts";

/** A route of a test: its id is also its payload. */
export type TestRoute = Omit<RouteEntry<string, TestRequest>, "payload">;

export interface TestRequest {
  readonly flags: readonly string[];
}

interface Case {
  readonly name: string;
  readonly mode?: RouterMode;
  readonly routes: readonly TestRoute[];
  /** Request as `METHOD host path`, then the id that must win, or `null`. */
  readonly requests: readonly (readonly [request: string, winner: string | null])[];
}

const HOST_URI = "radixtree_host_uri";
const URI = "radixtree_uri";
const PARAMETER = "radixtree_uri_with_parameter";

/** The rules of APISIX's routers, one behaviour a row. */
const cases: readonly Case[] = [
  {
    name: "an exact path beats a prefix of any priority",
    routes: [
      { id: "prefix", uris: ["/a*"], priority: 1000 },
      { id: "exact", uris: ["/aa"] },
    ],
    requests: [
      ["GET a.com /aa", "exact"],
      ["GET a.com /aab", "prefix"],
    ],
  },
  {
    name: "a longer literal prefix beats a shorter one of any priority",
    routes: [
      { id: "all", uris: ["/*"], priority: 1000 },
      { id: "foo", uris: ["/foo/*"] },
    ],
    requests: [
      ["GET a.com /foo/x", "foo"],
      ["GET a.com /bar", "all"],
    ],
  },
  {
    name: "priority decides within one literal path, then age",
    routes: [
      { id: "old", uris: ["/x"] },
      { id: "high", uris: ["/x"], priority: 2, methods: ["GET"] },
      { id: "higher", uris: ["/x"], priority: 3, methods: ["PUT"] },
      { id: "new", uris: ["/x"] },
    ],
    requests: [
      ["GET a.com /x", "high"],
      ["PUT a.com /x", "higher"],
      ["POST a.com /x", "old"],
    ],
  },
  {
    name: "the longer pattern goes first within one literal prefix",
    routes: [
      { id: "short", uris: ["/foo/*"] },
      { id: "long", uris: ["/foo/*/bar"] },
    ],
    requests: [
      ["GET a.com /foo/x/bar", "long"],
      ["GET a.com /foo/x/y/bar", "long"],
      ["GET a.com /foo/x", "short"],
    ],
  },
  {
    name: "a route that fails on the method leaves the request to a less specific one",
    routes: [
      { id: "exact", uris: ["/x"], methods: ["POST"] },
      { id: "prefix", uris: ["/*"], methods: ["GET"] },
    ],
    requests: [
      ["GET a.com /x", "prefix"],
      ["POST a.com /x", "exact"],
      ["PUT a.com /x", null],
      ["HEAD a.com /x", null],
    ],
  },
  {
    name: "a star without slash matches the bare prefix, one behind a slash does not",
    routes: [
      { id: "open", uris: ["/foo*"] },
      { id: "below", uris: ["/bar/*"] },
    ],
    requests: [
      ["GET a.com /foo", "open"],
      ["GET a.com /foobar", "open"],
      ["GET a.com /foo/bar", "open"],
      ["GET a.com /bar", null],
      ["GET a.com /bar/", "below"],
      ["GET a.com /bar/a/b", "below"],
    ],
  },
  {
    name: "paths are compared with case",
    routes: [{ id: "lower", uris: ["/abc", "/p/*"] }],
    requests: [
      ["GET a.com /ABC", null],
      ["GET a.com /P/x", null],
    ],
  },
  {
    name: "what follows a star within a segment is ignored",
    routes: [{ id: "a", uris: ["/foo*/bar"] }],
    requests: [
      ["GET a.com /foox/bar", "a"],
      ["GET a.com /foox", "a"],
    ],
  },
  {
    name: "a star segment in the middle needs its slashes and may be empty or span several",
    routes: [{ id: "a", uris: ["/foo/*/bar"] }],
    requests: [
      ["GET a.com /foo/1/bar", "a"],
      ["GET a.com /foo/1/2/bar", "a"],
      ["GET a.com /foo//bar", "a"],
      ["GET a.com /foo/bar", null],
      ["GET a.com /foo/1/bar/", null],
      ["GET a.com /foo/1/barx", null],
    ],
  },
  {
    name: "two star segments",
    routes: [{ id: "a", uris: ["/x/*/y/*z"] }],
    requests: [
      ["GET a.com /x/1/y/2", "a"],
      ["GET a.com /x/1/y/", "a"],
      ["GET a.com /x/y/y/y", "a"],
      ["GET a.com /x/1/z", null],
    ],
  },
  {
    name: "a colon belongs to the literal prefix outside parameter mode",
    routes: [
      { id: "exact", uris: ["/u/:id"] },
      { id: "prefix", uris: ["/v/:id/*"] },
    ],
    requests: [
      ["GET a.com /u/:id", "exact"],
      ["GET a.com /u/7", null],
      ["GET a.com /v/:id/x", "prefix"],
      ["GET a.com /v/7/x", null],
    ],
  },
  {
    name: "parameters match one segment that is not empty",
    mode: PARAMETER,
    routes: [{ id: "user", uris: ["/u/:id"] }],
    requests: [
      ["GET a.com /u/7", "user"],
      ["GET a.com /u/7/x", null],
      ["GET a.com /u/", null],
      ["GET a.com /u", null],
    ],
  },
  {
    name: "parameters: longer patterns first, exact before all",
    mode: PARAMETER,
    routes: [
      { id: "one", uris: ["/u/:id"] },
      { id: "posts", uris: ["/u/:id/posts"] },
      { id: "rest", uris: ["/u/:id/*rest"] },
      { id: "me", uris: ["/u/me"] },
      { id: "high", uris: ["/u/:name"], priority: 1, methods: ["PUT"] },
    ],
    requests: [
      ["GET a.com /u/7", "one"],
      ["PUT a.com /u/7", "high"],
      ["GET a.com /u/7/posts", "posts"],
      ["GET a.com /u/7/likes", "rest"],
      ["GET a.com /u/me", "me"],
    ],
  },
  {
    name: "exact host before wildcard, longer wildcard before shorter, any host last",
    routes: [
      { id: "any", uris: ["/*"] },
      { id: "star", uris: ["/*"], hosts: ["*"] },
      { id: "com", uris: ["/*"], hosts: ["*.com"] },
      { id: "foo", uris: ["/*"], hosts: ["*.foo.com"] },
      { id: "exact", uris: ["/*"], hosts: ["A.Foo.com"] },
    ],
    requests: [
      ["GET a.foo.com /x", "exact"],
      ["GET b.foo.com /x", "foo"],
      ["GET a.b.foo.com /x", "foo"],
      ["GET foo.com /x", "com"],
      ["GET foo.org /x", "star"],
    ],
  },
  {
    name: "a wildcard host without dot also matches the bare name",
    routes: [{ id: "a", uris: ["/*"], hosts: ["*foo.com"] }],
    requests: [
      ["GET foo.com /x", "a"],
      ["GET barfoo.com /x", "a"],
      ["GET foo.org /x", null],
    ],
  },
  {
    name: "the host decides before the path",
    routes: [
      { id: "exact path", uris: ["/exact"] },
      { id: "host", uris: ["/*"], hosts: ["foo.com"] },
    ],
    requests: [
      ["GET foo.com /exact", "host"],
      ["GET bar.com /exact", "exact path"],
    ],
  },
  {
    name: "a host whose routes do not match leaves the request to less specific hosts",
    routes: [
      { id: "host", uris: ["/host"], hosts: ["foo.com"] },
      { id: "wildcard", uris: ["/wild"], hosts: ["*.com"] },
      { id: "any", uris: ["/any"] },
    ],
    requests: [
      ["GET foo.com /host", "host"],
      ["GET foo.com /wild", "wildcard"],
      ["GET foo.com /any", "any"],
      ["GET foo.com /none", null],
    ],
  },
  {
    name: "a host with port never matches when the host decides first",
    routes: [{ id: "a", uris: ["/*"], hosts: ["foo.com:8080"] }],
    requests: [
      ["GET foo.com /x", null],
      ["GET foo.com:8080 /x", null],
    ],
  },
  {
    name: "an IPv6 host matches in brackets",
    routes: [{ id: "a", uris: ["/*"], hosts: ["[::1]"] }],
    requests: [["GET [::1] /x", "a"]],
  },
  {
    name: "where the path decides first, hosts are a condition",
    mode: URI,
    routes: [
      { id: "exact path", uris: ["/exact"] },
      { id: "host", uris: ["/*"], hosts: ["foo.com", "*.bar.com"] },
      { id: "other", uris: ["/exact"], hosts: ["other.com"], priority: 1 },
    ],
    requests: [
      ["GET foo.com /exact", "exact path"],
      ["GET other.com /exact", "other"],
      ["GET foo.com /x", "host"],
      ["GET a.bar.com /x", "host"],
      ["GET bar.com /x", null],
    ],
  },
  {
    name: "where the path decides first, a host with port is compared with the whole header",
    mode: URI,
    routes: [{ id: "a", uris: ["/*"], hosts: ["foo.com:8080"] }],
    requests: [
      ["GET foo.com:8080 /x", "a"],
      ["GET foo.com /x", null],
    ],
  },
  {
    name: "a predicate decides among equals",
    routes: [
      { id: "flagged", uris: ["/x"], priority: 1, accepts: ({ flags }) => flags.includes("f") },
      { id: "plain", uris: ["/x"] },
    ],
    requests: [
      ["GET a.com /x", "plain"],
      ["GET a.com /x f", "flagged"],
    ],
  },
  {
    name: "each of several paths and hosts counts",
    routes: [{ id: "a", uris: ["/x", "/y/*"], hosts: ["a.com", "*.b.com"], methods: [] }],
    requests: [
      ["GET a.com /x", "a"],
      ["GET c.b.com /y/1", "a"],
      ["GET c.com /x", null],
    ],
  },
  {
    name: "literal segments after a star are compared as text",
    mode: HOST_URI,
    routes: [{ id: "a", uris: ["/a+b/*", "/v/*/x.y"] }],
    requests: [
      ["GET a.com /a+b/1", "a"],
      ["GET a.com /v/1/x.y", "a"],
      ["GET a.com /v/1/xzy", null],
    ],
  },
];

type CreateRouter = (mode: RouterMode) => Router<string, TestRequest>;

/** Runs the rules against a router implementation. */
export function describeRouter(name: string, create: CreateRouter): void {
  describe(name, () => {
    test.each(cases)("$name", ({ mode = HOST_URI, routes, requests }) => {
      const router = create(mode);
      for (const route of routes) router.add({ ...route, payload: route.id });
      for (const [request, winner] of requests) {
        expect([request, matchText(router, request)]).toEqual([request, winner]);
      }
    });
    describeChanges(create);
  });
}

function describeChanges(create: CreateRouter): void {
  test("a removed route is gone and leaves the others", () => {
    const router = create(HOST_URI);
    const uris = ["/a", "/ab/*", "/abc*", "/a*"];
    for (const uri of uris) router.add({ id: uri, uris: [uri], payload: uri });
    router.remove("/ab/*");
    router.remove("unknown");
    expect(router.size).toBe(3);
    expect(["/a", "/ab/x", "/abcd"].map((path) => matchText(router, `GET a.com ${path}`))).toEqual([
      "/a",
      "/a*",
      "/abc*",
    ]);
    for (const uri of uris) router.remove(uri);
    expect(router.size).toBe(0);
    expect(matchText(router, "GET a.com /a")).toBeNull();
  });

  test("a replaced route keeps its place among equals, a removed and added one does not", () => {
    const router = create(HOST_URI);
    for (const id of ["first", "second"]) router.add({ id, uris: ["/x"], payload: id });
    router.replace("first", [{ id: "first", uris: ["/x"], payload: "first again" }]);
    expect(matchText(router, "GET a.com /x")).toBe("first again");
    router.remove("first");
    router.add({ id: "first", uris: ["/x"], payload: "first" });
    expect(matchText(router, "GET a.com /x")).toBe("second");
  });

  test("a route can be replaced by several entries and by none", () => {
    const router = create(HOST_URI);
    const entry = { id: "a", uris: ["/x"], hosts: ["h.com"], payload: "old" };
    router.add(entry);
    router.replace("a", [
      { ...entry, uris: ["/y"], payload: "y" },
      { id: "a", uris: ["/z"], payload: "z" },
    ]);
    expect(matchText(router, "GET h.com /x")).toBeNull();
    expect(matchText(router, "GET h.com /y")).toBe("y");
    expect(matchText(router, "GET h.com /z")).toBe("z");
    router.replace("a", []);
    expect(router.size).toBe(0);
  });

  test("captures are read from the path that matched", () => {
    const router = create(PARAMETER);
    const uris = ["/u/:id/*rest", "/w/*", "/x/*/y/*more", "/plain"];
    for (const uri of uris) router.add({ id: uri, uris: [uri], payload: uri });
    const params = (path: string) =>
      router.match("a.com", path, "GET", { flags: [] })?.params(path) ?? null;
    expect(params("/u/7/a/b")).toEqual({ id: "7", rest: "a/b" });
    expect(params("/w/")).toEqual({ ":ext": "" });
    expect(params("/x/1/y/2/y/3")).toEqual({ ":ext": "1/y/2", more: "3" });
    expect(params("/plain")).toBeNull();
  });

  test("an explanation lists what was looked at, in order, up to the winner", () => {
    const router = create(HOST_URI);
    const add = (route: TestRoute) => router.add({ ...route, payload: route.id });
    add({ id: "any", uris: ["/*"] });
    add({ id: "post", uris: ["/x"], hosts: ["a.com"], methods: ["POST"] });
    add({ id: "flag", uris: ["/x"], hosts: ["a.com"], accepts: () => false });
    add({ id: "shape", uris: ["/*/z"], hosts: ["*.com"] });
    add({ id: "unseen", uris: ["/y"] });
    const trials = router.explain("a.com", "/x", "GET", { flags: [] });
    expect(trials.map(({ match, refusal }) => [match.id, match.host, refusal])).toEqual([
      ["post", "a.com", "method"],
      ["flag", "a.com", "predicate"],
      ["shape", "*.com", "path"],
      ["any", "", null],
    ]);
  });
}

function matchText(router: Router<string, TestRequest>, request: string): string | null {
  const [method = "", rawHost = "", path = "", ...flags] = request.split(" ");
  const host = rawHost.startsWith("[") ? rawHost : rawHost.replace(/:\d+$/, "");
  return router.match(host, path, method, { flags }, rawHost)?.payload ?? null;
}

/**
 * The rules written as plainly as possible: look at every route, sort what fits. The reference for
 * the differential test.
 */
export function naiveMatch(
  mode: RouterMode,
  routes: readonly TestRoute[],
  request: {
    readonly host: string;
    readonly rawHost: string;
    readonly path: string;
    readonly method: string;
    readonly flags: readonly string[];
  },
): string | null {
  const listed = routes.flatMap((route, age) =>
    route.uris.flatMap((uri) => {
      const hosts = mode === HOST_URI && route.hosts?.length ? route.hosts : [null];
      return hosts.map((host) => ({ route, age, uri, host }));
    }),
  );
  const fitting = listed.filter(({ route, uri, host }) => {
    const hosts = mode === HOST_URI ? (host === null ? [] : [host]) : (route.hosts ?? []);
    return (
      (!route.methods?.length || route.methods.includes(request.method)) &&
      (hosts.length === 0 || hosts.some((one) => fitsHost(mode, one, request))) &&
      fitsPath(mode, uri, request.path) &&
      (route.accepts?.(request) ?? true)
    );
  });
  const rank = ({ route, age, uri, host }: (typeof listed)[number]) => [
    host === null ? -1 : host.startsWith("*") ? host.length : 10_000,
    isExact(mode, uri) ? 10_000 : literalOf(mode, uri).length,
    route.priority ?? 0,
    uri.length,
    -age,
  ];
  fitting.sort((a, b) => {
    const left = rank(a);
    const right = rank(b);
    const index = left.findIndex((value, i) => value !== right[i]);
    return index < 0 ? 0 : (right[index] ?? 0) - (left[index] ?? 0);
  });
  return fitting[0]?.route.id ?? null;
}

function fitsHost(
  mode: RouterMode,
  pattern: string,
  { host, rawHost }: { readonly host: string; readonly rawHost: string },
): boolean {
  if (pattern.includes(":")) return mode !== HOST_URI && rawHost === pattern;
  return pattern.startsWith("*") ? host.endsWith(pattern.slice(1)) : host === pattern;
}

function cutOf(mode: RouterMode, uri: string): number {
  const colon = mode === PARAMETER ? uri.indexOf(":") : -1;
  return colon >= 0 ? colon : uri.indexOf("*");
}

function isExact(mode: RouterMode, uri: string): boolean {
  return cutOf(mode, uri) < 0;
}

function literalOf(mode: RouterMode, uri: string): string {
  return uri.slice(0, cutOf(mode, uri));
}

function fitsPath(mode: RouterMode, uri: string, path: string): boolean {
  if (isExact(mode, uri)) return uri === path;
  if (!path.startsWith(literalOf(mode, uri))) return false;
  const segments = uri.split("/");
  if (!segments.some((segment) => /^[:*]/.test(segment))) return true;
  const expression = segments.map((segment) =>
    segment.startsWith(":")
      ? "[^/]+"
      : segment.startsWith("*")
        ? "[^]*"
        : segment.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"),
  );
  return new RegExp(`^${expression.join("/")}$`).test(path);
}
