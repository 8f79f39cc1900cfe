import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CatenaProcess, runCatena, startCatena } from "./bed/catena-process.ts";
import { until } from "./bed/gateway-bed.ts";
import { type SeenRequest, type Service, startService } from "./bed/service.ts";

const shipped = join(import.meta.dir, "../../../configs");
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "catena-try-and-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

/** The shipped configs where nothing of ours is installed. */
function copyShipped(): void {
  cpSync(shipped, join(folder, "configs"), {
    recursive: true,
    filter: (path) => !/node_modules|\.test\.ts$|package\.json$/.test(path),
  });
}

interface TestsJson {
  readonly passed: number;
  readonly failed: number;
  readonly files: readonly { readonly file: string; readonly passed: boolean }[];
}

test("the shipped configs pass catena test, wherever they lie, each chain with cases of its own", async () => {
  copyShipped();
  const { code, stdout, stderr } = await runCatena(["test", "configs", "--json"], folder);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  // What `catena test --json` prints is looked at below.
  const { files, failed, passed } = JSON.parse(stdout) as TestsJson;
  expect(failed).toBe(0);
  expect(passed).toBeGreaterThanOrEqual(10);
  const specs = files.map(({ file }) => file.replace(/^configs\//, ""));
  const chains = readdirSync(shipped).filter(
    (name) =>
      /^[^.]+\.ts$/.test(name) && /\bchain\(/.test(readFileSync(join(shipped, name), "utf8")),
  );
  expect(chains.length).toBeGreaterThanOrEqual(3);
  for (const name of chains) expect(specs).toContain(name.replace(/\.ts$/, ".spec.ts"));
});

describe("catena try and the gateway answer the same", () => {
  let service: Service;
  let gateway: CatenaProcess;
  let home: string;
  const hosts = () =>
    ["customer", "payment", "inventory", "order"]
      .map((name) => `${name}_service=${service.node}`)
      .join(",");

  beforeAll(async () => {
    service = startService(({ target, body, headers }) => {
      if (target.startsWith("/api/v1/orders/gone")) return Response.json({}, { status: 404 });
      if (target.startsWith("/api/v1/orders/"))
        return new Response(
          '{"order_id":"o-1","customer_id":"c-1","payment_id":"p-1","status":"open","items":[{"sku":"a","quantity":2}],"n":12345678901234567890}',
          { headers: { "content-type": "application/json" } },
        );
      if (target.startsWith("/api/v1/users/"))
        return Response.json({ customer_id: "c-1", customer_name: "Ada", tier: "gold" });
      if (target.startsWith("/api/v1/payments/")) return new Response("busy", { status: 503 });
      if (target.startsWith("/api/v1/stock/")) return Response.json({ sku: "a", left: 3 });
      if (target.startsWith("/legacy"))
        return Response.json({ [target]: headers["authorization"] });
      if (body.includes("declined")) return Response.json({ error: "declined" }, { status: 402 });
      if (target.startsWith("/api/")) return Response.json({ [target]: true });
      return Response.json(
        { took: JSON.parse(body), who: headers["authorization"] ?? null },
        { status: 201 },
      );
    });
    home = mkdtempSync(join(tmpdir(), "catena-try-gateway-"));
    cpSync(shipped, join(home, "configs"), {
      recursive: true,
      filter: (path) => !/node_modules|\.test\.ts$|package\.json$/.test(path),
    });
    const store = `sqlite:${join(home, "store.db")}`;
    const environment = { CATENA_RESOLVER_HOSTS: hosts(), CATENA_STORE: store };
    const deployed = await runCatena(["deploy", "configs", "--yes"], home, environment);
    expect(deployed.code).toBe(0);
    gateway = await startCatena(["start"], home, environment);
  });
  afterAll(async () => {
    await gateway.stop();
    await service.stop();
    rmSync(home, { recursive: true, force: true });
  });

  const cases: readonly {
    readonly name: string;
    readonly args: readonly string[];
    readonly request: readonly [path: string, init?: RequestInit];
    readonly status: number;
  }[] = [
    {
      name: "a reply made of several",
      args: ["order-overview", "--param", "id=o-1"],
      request: ["/v1/orders/o-1/overview"],
      status: 200,
    },
    {
      name: "a failure that is the client's",
      args: ["order-overview", "--param", "id=gone"],
      request: ["/v1/orders/gone/overview"],
      status: 404,
    },
    {
      name: "what is sent on",
      args: ["checkout", "-d", '{"cart_id":"c","n":12345678901234567890}', "--query", "coupon=x"],
      request: [
        "/v1/checkout?coupon=x",
        { method: "POST", body: '{"cart_id":"c","n":12345678901234567890}' },
      ],
      status: 201,
    },
    {
      name: "a service's own error",
      args: ["checkout", "-d", '{"cart_id":"declined"}'],
      request: ["/v1/checkout", { method: "POST", body: '{"cart_id":"declined"}' }],
      status: 402,
    },
    {
      name: "a body that is none",
      args: ["checkout", "-d", "[1]"],
      request: ["/v1/checkout", { method: "POST", body: "[1]" }],
      status: 400,
    },
  ];
  test.each(cases.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    const [path, init = {}] = one.request;
    service.seen.length = 0;
    const response = await fetch(gateway.url + path, {
      ...init,
      headers: { "content-type": "application/json" },
    });
    const expected: unknown = await response.json();
    const calls = service.seen.splice(0);
    const tried = await runCatena(["try", ...one.args, "configs", "--json"], home, {
      CATENA_RESOLVER_HOSTS: hosts(),
    });
    const { reply } = JSON.parse(tried.stdout);
    expect(reply.status).toBe(one.status);
    expect(response.status).toBe(one.status);
    const withoutId = (body: unknown) => ({ ...Object(body), request_id: null });
    expect(withoutId(reply.body)).toEqual(withoutId(expected));
    // What `fetch` sends of its own, and where the gateway listens, which a try does not.
    const own = /^(accept|accept-encoding|user-agent|host|x-forwarded-host|x-forwarded-port)$/;
    const shape = ({ method, target, body, headers }: SeenRequest) => {
      const same = Object.entries(headers).filter(([name]) => !own.test(name));
      return JSON.stringify({ method, target, body, ...Object.fromEntries(same) });
    };
    expect(service.seen.splice(0).map(shape).sort()).toEqual(calls.map(shape).sort());
    expect(tried.code).toBe(one.status < 400 ? 0 : 1);
  });

  test("what was recorded is replayed without any service, and holds no credential", async () => {
    copyShipped();
    mkdirSync(join(folder, "recordings"));
    const environment = { CATENA_RESOLVER_HOSTS: hosts() };
    const runs = [
      ["order-overview", "--param", "id=o-1"],
      ["checkout", "-d", '{"cart_id":"c","n":12345678901234567890}'],
      ["returns", "-d", '{"order_id":"o"}', "-H", "X-Shop-Token: shop-secret"],
    ];
    for (const [name = "", ...args] of runs) {
      const file = `recordings/${name}.recording.json`;
      const tried = await runCatena(["try", name, ...args, "--record", file], folder, environment);
      expect(tried).toMatchObject({ code: 0, stderr: `recorded ${file}\n` });
      expect(readFileSync(join(folder, file), "utf8") + tried.stdout).not.toContain("shop-secret");
    }
    expect(
      service.seen
        .splice(0)
        .some(({ headers }) => headers["authorization"] === "Bearer shop-secret"),
    ).toBe(true);
    const tested = await runCatena(["test", "recordings"], folder);
    expect(tested.stdout).toEndWith("\n3 passed, 0 failed in 3 files\n");
    expect(tested.code).toBe(0);
    expect(service.seen).toEqual([]);
  });
});

test("a client that goes away ends the call in flight, and what was done is undone", async () => {
  const service = startService(({ target }) =>
    target === "/wait" ? new Promise<Response>(() => undefined) : Response.json({ id: "r-1" }),
  );
  try {
    write(
      "a.ts",
      `import { call, chain, op, service } from "@catena/dsl";
const svc = service("svc", { uri: "${service.url}" }, {
  reserve: op("POST", "/reserve"), cancel: op("POST", "/cancel/{id}"), wait: op("GET", "/wait"),
});
export const booking = chain({ route: "/b", methods: ["POST"] })
  .step("held", () => call(svc.reserve))
  .undo("held", ($) => call(svc.cancel, { params: { id: $.held.id } }))
  .step("slow", ($) => call(svc.wait, {}, { after: ["held"] }))
  .reply(($) => $.slow);
`,
    );
    const child = Bun.spawn(
      [
        process.execPath,
        join(import.meta.dir, "../../cli/src/main.ts"),
        "try",
        "booking",
        "a.ts",
        "--record",
        "new/b.recording.json",
      ],
      { cwd: folder, stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    );
    await until(() => service.seen.some(({ target }) => target === "/wait"));
    child.kill("SIGINT");
    const [printed, told, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    expect(code).toBe(1);
    expect(told).toBe("not recorded: the request was given up\n");
    expect(readdirSync(join(folder, "new"))).toEqual([]);
    expect(service.seen.map(({ target }) => target)).toEqual(["/reserve", "/wait", "/cancel/r-1"]);
    expect(printed).toMatch(/^held\.undo .* (done|200)/m);
  } finally {
    await service.stop();
  }
});

test("an undo that fails is told", async () => {
  const service = startService(({ target }) =>
    target === "/reserve" ? Response.json({ id: "r-1" }) : new Response("no", { status: 500 }),
  );
  try {
    write(
      "a.ts",
      `import { call, chain, op, service } from "@catena/dsl";
const svc = service("svc", { uri: "${service.url}" }, {
  reserve: op("POST", "/reserve"), cancel: op("POST", "/cancel/{id}"), pay: op("POST", "/pay"),
});
export const booking = chain({ route: "/b", methods: ["POST"] })
  .step("held", () => call(svc.reserve))
  .undo("held", ($) => call(svc.cancel, { params: { id: $.held.id } }))
  .step("paid", () => call(svc.pay))
  .reply(($) => $.paid);
`,
    );
    const { code, stdout } = await runCatena(["try", "booking", "a.ts"], folder);
    expect(code).toBe(1);
    expect(stdout).toContain("\n500 in ");
    expect(stdout).toMatch(/^not undone held$/m);
  } finally {
    await service.stop();
  }
});
