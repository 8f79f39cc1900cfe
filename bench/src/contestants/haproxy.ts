import { join } from "node:path";
import { clientKey, routePrefix, type Scenario, type ScenarioName } from "../scenario.ts";
import { findFreePort, firstLineOf, startChild } from "./child.ts";
import {
  type Contestant,
  gap,
  oneProcess,
  type Participation,
  type Place,
  runs,
} from "./contestant.ts";
import { ensureTool } from "./tools.ts";

export const haproxy: Contestant = {
  name: "haproxy",
  what: "HAProxy, 1 process with 1 thread",
  plan: planHaproxy,
  find: async (install) => {
    const tool = ensureTool("haproxy", "haproxy", install);
    if (tool.kind === "missing") return tool;
    const line = firstLineOf([tool.path, "-v"]) ?? "?";
    return { kind: "present", version: line.replace(/ 20\d\d\/.*$/, "") };
  },
  start: async (scenario, place) => {
    const tool = ensureTool("haproxy", "haproxy", false);
    if (tool.kind === "missing") throw new Error(tool.why);
    const port = await findFreePort();
    const path = join(place.directory, "haproxy.cfg");
    await Bun.write(path, toHaproxyConf(scenario, place, port));
    if (scenario.name === "routes-100k") await writeRouteMap(place);
    const child = startChild({
      name: "haproxy",
      command: [tool.path, "-db", "-f", path],
      directory: place.directory,
    });
    await child.listening(port, 120_000);
    return { port, pid: child.pid, stop: child.stop };
  },
};

function planHaproxy(scenario: ScenarioName): Participation {
  switch (scenario) {
    case "classic-chain-1":
    case "classic-chain-3":
    case "classic-chain-5":
    case "parallel-4":
    case "each-100":
      return gap("HAProxy makes one upstream call per request");
    case "churn":
      return gap(
        "a new route needs a new process that takes over the listeners; nginx stands for that",
      );
    case "workers":
      return gap(oneProcess);
    case "static":
      return runs("`http-request return`");
    case "key-auth-limit-count":
      return runs("key ACL and a stick-table request counter per key, no X-RateLimit headers");
    case "routes-100k":
      return runs("one `map_beg` file");
    default:
      return runs("one backend with kept-alive connections");
  }
}

function toHaproxyConf(scenario: Scenario, place: Place, port: number): string {
  return `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  http-reuse always
frontend in
  bind 127.0.0.1:${port}
  ${frontendPart(scenario.name, place)}
backend services
  server one 127.0.0.1:${place.upstreamPort}
`;
}

function frontendPart(scenario: ScenarioName, place: Place): string {
  switch (scenario) {
    case "static":
      return 'http-request return status 200 content-type text/plain string "hello, client"';
    case "key-auth-limit-count":
      return `acl known req.hdr(${clientKey.header}) -m str ${clientKey.value}
  stick-table type string len 64 size 1k expire 1h store http_req_cnt
  http-request deny deny_status 401 unless known
  http-request track-sc0 req.hdr(${clientKey.header})
  http-request deny deny_status 429 if { sc_http_req_cnt(0) gt 1000000000 }
  default_backend services`;
    case "routes-100k":
      return `use_backend %[path,map_beg(${place.directory}/routes.map,none)]`;
    default:
      return "default_backend services";
  }
}

async function writeRouteMap(place: Place): Promise<void> {
  const lines = Array.from(
    { length: place.routes },
    (_, index) => `${routePrefix(index)} services\n`,
  );
  await Bun.write(join(place.directory, "routes.map"), lines.join(""));
}
