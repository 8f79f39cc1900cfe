import { join } from "node:path";
import type { Scenario, ScenarioName } from "../scenario.ts";
import { findFreePort, firstLineOf, startChild } from "./child.ts";
import {
  type Contestant,
  gap,
  oneProcess,
  type Participation,
  type Place,
  type Presence,
  type RouteChanges,
  type Running,
  runs,
} from "./contestant.ts";
import { proxyPass, toNginxConf } from "./nginx-conf.ts";
import { ensureFile, ensureTool } from "./tools.ts";

const luaModule = ["/usr/lib/nginx/modules/ngx_http_lua_module.so"];
const cjson = [
  "/usr/lib/x86_64-linux-gnu/lua/5.1/cjson.so",
  "/usr/lib/aarch64-linux-gnu/lua/5.1/cjson.so",
];

export const nginx: Contestant = {
  name: "nginx",
  what: "nginx, 1 worker and its master",
  plan: planNginx,
  find: async (install) => findNginx(install),
  start: (scenario, place) => startNginx(scenario, place, false),
};

export const nginxLua: Contestant = {
  name: "nginx-lua",
  what: "nginx with lua-nginx-module and lua-cjson (what APISIX is made of), 1 worker and its master",
  plan: planNginxLua,
  find: async (install) => {
    const found = findNginx(install);
    if (found.kind === "missing") return found;
    const parts = [
      ensureFile(luaModule, "libnginx-mod-http-lua", install),
      ensureFile(cjson, "lua-cjson", install),
    ];
    for (const part of parts) if (part.kind === "missing") return part;
    return {
      kind: "present",
      version: `${found.version}, lua-nginx-module and lua-cjson of Debian`,
    };
  },
  start: (scenario, place) => startNginx(scenario, place, true),
};

function planNginx(scenario: ScenarioName): Participation {
  switch (scenario) {
    case "classic-chain-1":
    case "classic-chain-3":
    case "classic-chain-5":
    case "parallel-4":
    case "each-100":
      return gap("nginx makes one upstream call per request; see nginx-lua");
    case "workers":
      return gap(oneProcess);
    case "static":
      return runs("`return 200`");
    case "key-auth-limit-count":
      return runs(
        "`map` for the key, `limit_req` per consumer: a leaky bucket, no X-RateLimit headers",
      );
    case "routes-100k":
      return runs("one prefix `location` per route");
    case "churn":
      return runs("rewrite the conf, SIGHUP the master");
    default:
      return runs("`proxy_pass` with kept-alive upstream connections");
  }
}

function planNginxLua(scenario: ScenarioName): Participation {
  switch (scenario) {
    case "static":
      return runs("`content_by_lua_block`");
    case "classic-chain-1":
    case "classic-chain-3":
    case "classic-chain-5":
      return runs("`ngx.location.capture` per step, cjson merge");
    case "parallel-4":
      return runs("`ngx.location.capture_multi`");
    case "each-100":
      return runs("`ngx.location.capture_multi` in batches of 16");
    case "key-auth-limit-count":
      return runs("key table and a shared dict counter in `access_by_lua_block`");
    case "boot":
      return runs("`proxy_pass`, Lua loaded");
    default:
      return gap("no Lua would run: the same as nginx");
  }
}

function findNginx(install: boolean): Presence {
  const tool = ensureTool("nginx", "nginx", install);
  if (tool.kind === "missing") return tool;
  return {
    kind: "present",
    version: firstLineOf([tool.path, "-v"])?.replace("nginx version: ", "") ?? "?",
  };
}

async function startNginx(scenario: Scenario, place: Place, withLua: boolean): Promise<Running> {
  const tool = ensureTool("nginx", "nginx", false);
  if (tool.kind === "missing") throw new Error(tool.why);
  const port = await findFreePort();
  const path = join(place.directory, "nginx.conf");
  const write = (locations: readonly string[]): Promise<number> =>
    Bun.write(path, toNginxConf({ ...place, scenario: scenario.name, port, withLua, locations }));
  await write([]);
  const child = startChild({
    name: withLua ? "nginx-lua" : "nginx",
    // Debian's build looks for modules under its prefix, /usr/share/nginx.
    command: [tool.path, "-c", path, "-e", "stderr"],
    directory: place.directory,
  });
  await child.listening(port, 120_000);
  return { port, pid: child.pid, changes: changesBySignal(child.pid, write), stop: child.stop };
}

function changesBySignal(
  masterPid: number,
  write: (locations: readonly string[]) => Promise<number>,
): RouteChanges {
  let filling: readonly string[] = [];
  return {
    fill: async (routes) => {
      filling = Array.from(
        { length: routes },
        (_, index) => `location = /fill/${index} { ${proxyPass} }`,
      );
      await write(filling);
      process.kill(masterPid, "SIGHUP");
    },
    moveRoute: async (path) => {
      await write([...filling, `location = ${path} { ${proxyPass} }`]);
      process.kill(masterPid, "SIGHUP");
    },
  };
}
