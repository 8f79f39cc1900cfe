/**
 * `bun scripts/check-adc.ts [ADC]`: runs APISIX's command line `adc` against a gateway of its own, as
 * people use it, over both of its ways to talk to APISIX. Ends with code 0 when all is well, 1 when
 * something is not, 2 when there is no adc to run: its file is given, named by the variable ADC, or on
 * the PATH.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@catena/testkit";
import { type AdcResult, findAdc, runAdc } from "./adc/adc-command.ts";
import { adcConfig } from "./adc/adc-config.ts";
import { type GatewayProcess, startGatewayProcess } from "./launch/catena-process.ts";

const found = findAdc(process.argv[2]);
if (found === null) {
  console.log("not run: there is no adc; give its file, set ADC, or put it on the PATH");
  process.exit(2);
}
const adc = found;
const adminKey = "key-for-the-check-with-adc";
const folder = mkdtempSync(join(tmpdir(), "catena-adc-"));
const service = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("served") });
const config = adcConfig(`127.0.0.1:${service.port}`);
let failed = 0;

interface Run {
  readonly url: string;
  adc(...args: string[]): Promise<AdcResult>;
  /** Something that is another thing after a write. */
  mark(): Promise<unknown>;
  resources(): Promise<unknown>;
}

function report(name: string, isOk: boolean, detail = ""): void {
  console.log(`${isOk ? "ok  " : "FAIL"} ${name}`);
  if (isOk) return;
  failed++;
  if (detail !== "") console.log(detail.trimEnd().replaceAll(/^/gm, "     "));
}

async function succeeds(run: Run, name: string, ...args: string[]): Promise<void> {
  const { code, output } = await run.adc(...args);
  report(name, code === 0, output.slice(-2000));
}

function write(name: string, value: object): void {
  writeFileSync(join(folder, name), Bun.YAML.stringify(value, null, 2));
}

/** Differences that adc finds, as it writes them down. */
function differences(): unknown {
  return Bun.YAML.parse(readFileSync(join(folder, "diff.yaml"), "utf8"));
}

async function isServed(url: string): Promise<boolean> {
  const reply = await fetch(`${url}/guarded`, { headers: { apikey: "key-of-jack" } });
  return reply.status === 200 && reply.headers.get("x-from") === "adc";
}

async function waitFor(holds: () => Promise<boolean>): Promise<boolean> {
  const giveUpAt = performance.now() + 10_000;
  while (performance.now() < giveUpAt) {
    if (await holds()) return true;
    await Bun.sleep(10);
  }
  return false;
}

/** A sync of what is there already must not change anything. */
async function syncTwice(run: Run, backend: string): Promise<void> {
  await succeeds(run, `${backend}: sync`, "sync", "-f", "adc.yaml");
  report(`${backend}: what was synced is served`, await waitFor(() => isServed(run.url)));
  const before = await run.mark();
  await succeeds(run, `${backend}: sync again`, "sync", "-f", "adc.yaml");
  const after = await run.mark();
  const isSame = Bun.deepEquals(before, after);
  report(`${backend}: the second sync changes nothing`, isSame, JSON.stringify([before, after]));
  await succeeds(run, `${backend}: diff`, "diff", "-f", "adc.yaml");
  const found = differences();
  report(`${backend}: nothing differs`, Bun.deepEquals(found, []), JSON.stringify(found, null, 2));
}

async function checkAdminApi(run: Run): Promise<void> {
  await succeeds(run, "apisix: ping", "ping");
  await succeeds(run, "apisix: lint", "lint", "-f", "adc.yaml");
  await succeeds(run, "apisix: validate", "validate", "-f", "adc.yaml");
  await succeeds(run, "apisix: diff with nothing there", "diff", "-f", "adc.yaml");
  await syncTwice(run, "apisix");
  await succeeds(run, "apisix: dump", "dump", "-o", "dump.yaml");
  const { services } = Object(Bun.YAML.parse(readFileSync(join(folder, "dump.yaml"), "utf8")));
  report("apisix: the dump has the service", Object(services?.[0]).name === "shop");
  // adc removes a consumer before its credentials, which are gone by then, and fails.
  write("adc.yaml", { ...config, consumers: [{ username: "jack" }] });
  await succeeds(run, "apisix: sync without credentials", "sync", "-f", "adc.yaml");
  write("empty.yaml", {});
  await succeeds(run, "apisix: sync of nothing", "sync", "-f", "empty.yaml");
  const isEmpty = await waitFor(async () => Bun.deepEquals(await run.resources(), {}));
  report("apisix: nothing is left", isEmpty, JSON.stringify(await run.resources()));
}

/** Not ping: adc asks an address without a host there. */
async function checkStandalone(run: Run): Promise<void> {
  await succeeds(run, "standalone: validate", "validate", "-f", "adc.yaml");
  await syncTwice(run, "standalone");
  await succeeds(run, "standalone: dump", "dump", "-o", "dump.yaml");
}

async function against(
  backend: "apisix" | "apisix-standalone",
  check: (run: Run) => Promise<void>,
): Promise<void> {
  write("adc.yaml", config);
  const [listen, admin, control] = await Promise.all([freePort(), freePort(), freePort()]);
  const address = (port: number) => `127.0.0.1:${port}`;
  const gateway: GatewayProcess = await startGatewayProcess({
    environment: {
      CATENA_STORE: `sqlite:${join(folder, `${backend}.db`)}`,
      CATENA_LISTEN: address(listen),
      CATENA_ADMIN_LISTEN: address(admin),
      CATENA_CONTROL_LISTEN: address(control),
      CATENA_ADMIN_KEY: adminKey,
      CATENA_KEYRING: "0123456789abcdef",
      CATENA_TLS_LISTEN: address(await freePort()),
      CATENA_ADMIN_STANDALONE: String(backend === "apisix-standalone"),
      CATENA_DRAIN_SECONDS: "0",
    },
    logFile: join(folder, "gateway.log"),
    controlListen: address(control),
  });
  const environment = {
    ADC_BACKEND: backend,
    ADC_SERVER: `http://${address(admin)}`,
    ADC_TOKEN: adminKey,
  };
  const status = async (): Promise<unknown> =>
    (await fetch(`http://${address(control)}/status`)).json();
  const whole = async (): Promise<unknown> => {
    const headers = { "X-API-KEY": adminKey };
    const reply = await fetch(`${environment.ADC_SERVER}/apisix/admin/configs`, { headers });
    // adc puts what it has read even when nothing differs; the digest says in what order it read it.
    const { "X-Digest": _, "X-Last-Modified": __, ...rest } = Object(await reply.json());
    return rest;
  };
  try {
    await check({
      url: `http://${address(listen)}`,
      adc: (...args) => runAdc(adc, args, { cwd: folder, environment }),
      mark: backend === "apisix" ? async () => Object(await status()).store.revision : whole,
      resources: async () => Object(await status()).resources,
    });
  } finally {
    await gateway.stop();
  }
}

try {
  await against("apisix", checkAdminApi);
  await against("apisix-standalone", checkStandalone);
} finally {
  await service.stop(true);
  rmSync(folder, { recursive: true, force: true });
}
console.log(failed === 0 ? "adc is content" : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
