import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CatenaProcess, runCatena, startCatena } from "./bed/catena-process.ts";
import { until } from "./bed/gateway-bed.ts";
import { type Service, startEcho, startService } from "./bed/service.ts";
import { type StoreBed, storeKinds } from "./bed/stores.ts";

/**
 * The page Catena began from, word for word (fixtures/proxy-chain-plugin.md, Apache-2.0). Its commands
 * are run with a real curl; only the addresses are this test's own.
 */
const page = readFileSync(join(import.meta.dir, "../fixtures/proxy-chain-plugin.md"), "utf8");

/** Code blocks of a language, without their indentation. */
function blocksOf(language: string): string[] {
  return [...page.matchAll(new RegExp(`^ *\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\``, "gm"))].map(
    ([, text = ""]) => {
      const indent = /^ */.exec(text.replace(/^\n+/, ""))?.[0] ?? "";
      return text.replaceAll(new RegExp(`^${indent}`, "gm"), "").trim();
    },
  );
}

const curls = blocksOf("bash").flatMap((block) => {
  const at = block.indexOf("curl ");
  return at < 0 ? [] : [block.slice(at)];
});
const [manifest = ""] = blocksOf("yaml");

test("the page has the commands these tests are about", () => {
  expect(curls.map((text) => text.split("\\")[0]?.trim())).toEqual([
    "curl -X PUT http://127.0.0.1:9180/apisix/admin/routes/24",
    "curl -X POST http://<external-ip>/v1/checkout",
    "curl -X PUT http://127.0.0.1:9180/apisix/admin/routes/24",
    "curl -X POST http://<external-ip>/v1/checkout",
    "curl -X POST http://127.0.0.1:9080/v1/checkout",
    "curl -X PUT http://127.0.0.1:9180/apisix/admin/routes/checkout",
  ]);
  expect(manifest).toStartWith("apiVersion: apisix.apache.org/v2");
});

for (const kind of storeKinds) {
  describe(`the proxy-chain page, with ${kind.name}`, () => {
    const adminKey = "edd1c9f034335f136f87ad84b625c8f1";
    let folder: string;
    let storeBed: StoreBed;
    let catena: CatenaProcess;
    let customer: Service;
    let upstream: Service;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "catena-page-"));
      storeBed = await kind.start();
      customer = startService(() => Response.json({ user: "ada" }));
      upstream = startEcho();
      catena = await startCatena(["start"], folder, {
        CATENA_STORE: storeBed.url,
        CATENA_ADMIN_KEY: adminKey,
        CATENA_RESOLVER_HOSTS: `customer_service=${customer.node},upstream-service=${upstream.node}`,
      });
      await admin("PUT", "upstreams/550932803756229477", {
        type: "roundrobin",
        nodes: { [upstream.node]: 1 },
      });
    });

    afterAll(async () => {
      expect(await catena.stop()).toBe(0);
      await storeBed.stop();
      await customer.stop();
      await upstream.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    const admin = (method: string, path: string, body?: unknown) =>
      fetch(`${catena.adminUrl}/apisix/admin/${path}`, {
        method,
        headers: { "x-api-key": adminKey },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });

    /** Runs a command of the page; its reply's status and body. */
    const curl = async (text: string) => {
      const command = text
        .replaceAll("http://127.0.0.1:9180", catena.adminUrl)
        .replaceAll("http://127.0.0.1:9080", catena.url)
        .replaceAll("http://<external-ip>", catena.url)
        .replaceAll("127.0.0.1:1980", upstream.node)
        .replace(/^curl /, "curl -sS -w '\\n%{http_code}' ");
      const child = Bun.spawn(["bash", "-c", command], { stdout: "pipe", stderr: "pipe" });
      const [printed, complaint] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ]);
      expect({ code: await child.exited, complaint }).toEqual({ code: 0, complaint: "" });
      const at = printed.lastIndexOf("\n");
      return { status: Number(printed.slice(at + 1)), body: printed.slice(0, at) };
    };

    const served = async (path: string, status: number) =>
      until(async () => {
        const response = await fetch(`${catena.url}${path}`, { method: "POST" });
        await response.text();
        return response.status === status;
      });

    test("the first PUT makes a route with the chain", async () => {
      const { status, body } = await curl(curls[0] ?? "");
      expect({ status, body }).toMatchObject({ status: 201 });
      expect(JSON.parse(body)).toMatchObject({
        key: "/apisix/routes/24",
        value: { id: "24", uri: "/api/v1/checkout", upstream_id: "550932803756229477" },
      });
      await served("/api/v1/checkout", 200);
      const response = await fetch(`${catena.url}/api/v1/checkout`, { method: "POST", body: "{}" });
      expect(((await response.json()) as { body: string }).body).toBe('{"user":"ada"}');
      expect(customer.seen.at(-1)).toMatchObject({ method: "POST", target: "/api/v1/user" });
    });

    test("its check asks for a path that no route has yet", async () => {
      expect(await curl(curls[1] ?? "")).toEqual({
        status: 404,
        body: '{"error_msg":"404 Route Not Found"}\n',
      });
    });

    test("the manifest is deployed like a config, and the example request runs its chain", async () => {
      writeFileSync(join(folder, "route.yaml"), manifest);
      const deployed = await runCatena(["deploy", "route.yaml"], folder, catena.environment);
      expect(deployed).toMatchObject({ code: 0 });
      await served("/v1/checkout", 200);
      const { status, body } = await curl(curls[4] ?? "");
      expect(status).toBe(200);
      expect(JSON.parse(body).body).toBe('{"cart_id":"abc123","user":"ada"}');
      expect((await curl(curls[3] ?? "")).status).toBe(200);
    });

    test("the PUT with a trailing comma gets 400 with line and column, and changes nothing", async () => {
      const { status, body } = await curl(curls[2] ?? "");
      expect(status).toBe(400);
      expect(body).toContain("trailing comma before } at line 11, column 10");
      const kept = (await (await admin("GET", "routes/24")).json()) as { value: { uri: string } };
      expect(kept.value.uri).toBe("/api/v1/checkout");
    });

    test("the last PUT makes a route without the plugin", async () => {
      const { status } = await curl(curls[5] ?? "");
      expect(status).toBe(201);
      const stored = (await (await admin("GET", "routes/checkout")).json()) as {
        value: { plugins: unknown };
      };
      expect(stored.value.plugins).toEqual({});
    });

    test("the key of the page is warned about, and no key is in the log", () => {
      expect(catena.printed()).toContain("printed in APISIX's documentation");
      expect(catena.printed()).not.toContain(adminKey);
    });
  });
}
