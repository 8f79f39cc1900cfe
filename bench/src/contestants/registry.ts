import { catena, catenaTwoWorkers } from "./catena.ts";
import type { Contestant } from "./contestant.ts";
import { elysia, elysiaFetch, fastifyUndici, hono } from "./hand-written.ts";
import { haproxy } from "./haproxy.ts";
import { krakend } from "./krakend.ts";
import { nginx, nginxLua } from "./nginx.ts";

/** In the order tables show them. */
export const contestants: readonly Contestant[] = [
  catena,
  catenaTwoWorkers,
  elysia,
  elysiaFetch,
  fastifyUndici,
  hono,
  nginx,
  nginxLua,
  haproxy,
  krakend,
];
