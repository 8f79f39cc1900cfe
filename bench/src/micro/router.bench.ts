/**
 * What a match costs with 100 and with 100,000 routes, and what changing one route costs: both must
 * not depend on the number of routes. Every tenth route is a prefix, every fourth has a host, so that
 * all tables are at work. A request's path is cut from its URL each time, as the gateway does: a string
 * that is looked up again and again has its hash ready, and hides what the first look-up costs.
 */
import { createRouter, type RouteEntry, type Router } from "@catena/router";
import { bench, do_not_optimize, group, run } from "mitata";

const sizes = [100, 100_000] as const;

/** Of one length, whatever the size, so that all hash as many characters. */
const pad = (index: number) => String(index).padStart(6, "0");

function entryOf(index: number): RouteEntry<number> {
  const base = `/service-${pad(index % 977)}/items-${pad(index)}`;
  return {
    id: String(index),
    uris: [index % 10 === 0 ? `${base}/*` : base],
    ...(index % 4 === 0 ? { hosts: [`h${index % 50}.example.com`] } : {}),
    methods: ["GET", "POST"],
    payload: index,
  };
}

interface Sample {
  readonly host: string;
  readonly url: string;
}

/** Requests of 64 routes spread over all, prefixes and hosts among them. */
function samplesOf(size: number): Sample[] {
  return Array.from({ length: 64 }, (_, place) => {
    const index = (Math.floor((place * size) / 64) * 7919) % size;
    const { uris, hosts } = entryOf(index);
    const [uri = ""] = uris;
    const host = hosts?.[0] ?? "any.example.org";
    return { host, url: `http://${host}${uri.replace("*", "a/b")}` };
  });
}

const pathOf = (url: string) => url.slice(url.indexOf("/", 7));

function fill(size: number): Router<number> {
  const router = createRouter<number>();
  for (let index = 0; index < size; index++) router.add(entryOf(index));
  return router;
}

const filled = sizes.map((size) => ({ size, router: fill(size), samples: samplesOf(size) }));
for (const { size, router, samples } of filled) {
  for (const { host, url } of samples) {
    const found = router.match(host, pathOf(url), "GET", null);
    if (found === null) throw new Error(`${url} is lost among ${size} routes`);
  }
}

group("match 64 requests", () => {
  for (const { size, router, samples } of filled) {
    bench(`${size} routes`, () => {
      for (const { host, url } of samples) {
        do_not_optimize(router.match(host, pathOf(url), "GET", null));
      }
    });
  }
});

group("replace one route", () => {
  for (const { size, router } of filled) {
    const entry = entryOf(Math.floor(size / 2));
    bench(`${size} routes`, () => router.replace(entry.id, [entry]));
  }
});

await run();
