/** What `scripts/up` runs; see `usage` in launch/arguments.ts. */
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { startEtcd } from "@catena/testkit";
import { type DemoCall, formatCall } from "./demo/demo-service.ts";
import { startDemoServices } from "./demo/demo-services.ts";
import { readUpArguments, type UpArguments, usage } from "./launch/arguments.ts";
import { type Environment, runCatena, startGatewayProcess } from "./launch/catena-process.ts";
import { findListenProblem, otherAddress } from "./launch/check-address.ts";
import { formatExchange } from "./launch/show-request.ts";
import { Teardown } from "./launch/teardown.ts";
import { repositoryRoot } from "./lib/repository.ts";

const teardown = new Teardown();
const interrupt = Promise.withResolvers<"interrupted">();
let signals = 0;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    signals += 1;
    // The second Ctrl-C is for those who do not want to wait; children end with this process.
    if (signals > 1) process.exit(130);
    interrupt.resolve("interrupted");
  });
}

process.exit(await main());

async function main(): Promise<number> {
  const args = readUpArguments(process.argv.slice(2), process.env);
  if (args === null) {
    console.error(usage);
    return process.argv.includes("--help") ? 0 : 2;
  }
  let code = 0;
  try {
    await up(args);
  } catch (error) {
    console.error(`catena: ${error instanceof Error ? error.message : String(error)}`);
    code = 1;
  }
  const failed = await teardown.run();
  for (const line of failed) console.error(`catena: could not stop ${line}`);
  return failed.length > 0 ? 1 : code;
}

async function up(args: UpArguments): Promise<void> {
  checkAddresses(args);
  mkdirSync(args.folder, { recursive: true, mode: 0o700 });
  let calls: DemoCall[] = [];
  let onCall = (call: DemoCall): void => {
    calls.push(call);
  };
  say("starting four demo services");
  const demo = startDemoServices((call) => onCall(call));
  teardown.add("the demo services", () => demo.stop());
  const store = await openStore(args);
  const keyFile = join(args.folder, "up.key");
  const hostsFile = join(args.folder, "up.hosts");
  writeFileSync(hostsFile, `${demo.hosts}\n`);
  const environment = {
    CATENA_STORE: store,
    CATENA_LISTEN: args.listen,
    CATENA_ADMIN_LISTEN: args.adminListen,
    CATENA_CONTROL_LISTEN: args.controlListen,
    CATENA_RESOLVER_HOSTS: demo.hosts,
    CATENA_ADMIN_KEY: makeKey(keyFile),
  } satisfies Environment;

  say("deploying configs/");
  console.log(await runCatena(["deploy", "configs/"], environment));
  const logFile = join(args.folder, "up.log");
  const { controlListen } = args;
  say("starting the gateway");
  const gateway = await startGatewayProcess({ environment, logFile, controlListen });
  teardown.add("the gateway", () => gateway.stop());

  say("sending one request");
  calls = [];
  console.log(`\n${await checkout(args.listen, () => calls)}\n`);
  if (args.isOnce) return;
  onCall = (call) => console.log(formatCall(call));
  console.log(describe(args, environment, { keyFile, hostsFile, logFile }));
  const end = await Promise.race([interrupt.promise, gateway.ended]);
  if (end !== "interrupted") {
    throw new Error(`the gateway ended with code ${end}; see ${logFile}`);
  }
  console.log("");
  say("stopping");
}

function say(what: string): void {
  console.log(`catena: ${what}`);
}

function checkAddresses(args: UpArguments): void {
  const problems = (
    [
      ["the gateway", args.listen, "CATENA_LISTEN"],
      ["the Admin API", args.adminListen, "CATENA_ADMIN_LISTEN"],
      ["the Control API", args.controlListen, "CATENA_CONTROL_LISTEN"],
    ] as const
  ).flatMap(([what, address, variable]) => {
    const problem = findListenProblem(address);
    if (problem === null) return [];
    const advice = `set ${variable}, as in ${variable}=${otherAddress(address)}`;
    return [`${address} (${what}) ${problem}; ${advice}`];
  });
  if (problems.length > 0) throw new Error(problems.join("\ncatena: "));
}

async function openStore(args: UpArguments): Promise<string> {
  if (!args.isEtcd) return `sqlite:${join(args.folder, "catena.db")}`;
  say("starting etcd");
  const etcd = await startEtcd({ folder: args.folder });
  teardown.add("etcd", () => etcd.stop());
  return etcd.url;
}

/** A key for this run, in a file that only its owner reads. */
function makeKey(file: string): string {
  const key = randomBytes(24).toString("hex");
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
  return key;
}

async function checkout(listen: string, calls: () => readonly DemoCall[]): Promise<string> {
  const url = `http://${listen}/v1/checkout`;
  const body = JSON.stringify({ cart_id: "abc123" });
  const start = performance.now();
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
    signal: AbortSignal.timeout(30_000),
  });
  const { status, statusText } = response;
  const reply = { status, statusText, body: await response.text() };
  const durationMs = performance.now() - start;
  const shown = formatExchange({ method: "POST", url, body }, calls(), { ...reply, durationMs });
  if (!response.ok) throw new Error(`the demo request failed\n\n${shown}`);
  return shown;
}

function describe(
  args: UpArguments,
  { CATENA_STORE: store }: { readonly CATENA_STORE: string },
  files: { readonly keyFile: string; readonly hostsFile: string; readonly logFile: string },
): string {
  const key = relative(repositoryRoot, files.keyFile);
  const hosts = relative(repositoryRoot, files.hostsFile);
  return [
    `gateway      http://${args.listen}`,
    `Admin API    http://${args.adminListen}/apisix/admin/routes  -H "X-API-KEY: $(cat ${key})"`,
    `Control API  http://${args.controlListen}/status`,
    `log          ${relative(repositoryRoot, files.logFile)}`,
    "",
    "Change a file in configs/, then in another shell:",
    `  ${args.isEtcd ? `CATENA_STORE=${store} ` : ""}./scripts/catena deploy`,
    "One request through a chain, without the gateway:",
    `  CATENA_RESOLVER_HOSTS=$(cat ${hosts}) ./scripts/catena try order-overview --param id=o-abc123`,
    "",
    "Calls to the demo services follow. Ctrl-C stops everything.",
  ].join("\n");
}
