import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import session from "./fixtures/adc-session.json" with { type: "json" };
import transcript from "./fixtures/apisix-transcript.json" with { type: "json" };
import { type AdminBed, startAdmin } from "./testbed/admin-bed.ts";
import { type StoreBed, storeBeds } from "./testbed/store-beds.ts";

setDefaultTimeout(60_000);
const { cert } = transcript.stored["/apisix/ssls/1"];
const key = String(
  generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
    type: "pkcs8",
    format: "pem",
  }),
);

interface AdcCall {
  readonly command: string;
  readonly method: string;
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly status: number;
}

// Each line of the fixture leaves out what it has not, which the type made from JSON cannot say.
const calls = session.calls as readonly AdcCall[];

/**
 * adc is not to be had from npm, so what it sent is sent again. It finds out what to do by reading
 * back what it wrote, so a second sync is a no-op exactly when it reads what it wrote.
 */
describe.each(storeBeds)("what adc sends to %s", (_, start) => {
  let bed: StoreBed;
  let admin: AdminBed;

  beforeAll(async () => {
    bed = await start();
    admin = startAdmin(bed.store, { keyring: ["qeddd145sfvddff3"] });
  });
  afterAll(async () => {
    await admin?.stop();
    await bed?.stop();
  });

  test("is answered as it needs, and reads back as it was written", async () => {
    const wrong: unknown[] = [];
    for (const [n, call] of calls.entries()) {
      const path = call.path.replace("/apisix/admin", "");
      const reply = await admin.call(call.method, path, withCertificate(call.body));
      if (reply.status !== call.status) wrong.push({ call, reply });
      const isEnd = calls[n + 1]?.command !== call.command;
      if (isEnd && call.command.startsWith("sync")) {
        wrong.push(...(await readsOtherwise(admin, calls.slice(0, n + 1))));
      }
      if (
        call.method === "GET" &&
        reply.status === 200 &&
        !Array.isArray(Object(reply.body).list)
      ) {
        wrong.push({ call, reply: "no list" });
      }
    }
    expect(wrong).toEqual([]);
    const { entries } = await bed.store.list("/apisix/");
    expect(entries.map((entry) => entry.key)).toEqual([]);
  });

  test("finds the version it looks for", async () => {
    const { headers } = await admin.call("GET", "/routes");
    expect(headers.get("server")).toMatch(/^APISIX\/\d+\.\d+\.\d+$/);
  });
});

/** The resources whose content is not what was last put there, those deleted meanwhile left out. */
async function readsOtherwise(
  admin: AdminBed,
  done: readonly AdcCall[],
): Promise<readonly unknown[]> {
  const written = new Map<string, unknown>();
  for (const { method, path, body } of done) {
    if (method === "PUT") written.set(path, withCertificate(body));
    if (method !== "DELETE") continue;
    for (const other of written.keys()) if (other.startsWith(path)) written.delete(other);
  }
  const wrong: unknown[] = [];
  for (const [path, body] of written) {
    const reply = await admin.call("GET", path.replace("/apisix/admin", ""));
    const read = withoutBookkeeping(Object(reply.body).value);
    const expected = withoutBookkeeping(body);
    if (!Bun.deepEquals(read, expected)) wrong.push({ path, expected, read });
  }
  return wrong;
}

/** What adc does not compare: ids and times, and the private keys that no reply holds. */
function withoutBookkeeping(value: unknown): unknown {
  const { id: _, create_time: __, update_time: ___, key: ____, ...rest } = Object(value);
  return rest;
}

function withCertificate(body: AdcCall["body"]): object | undefined {
  if (body === undefined) return undefined;
  return JSON.parse(JSON.stringify(body), (_, value) => {
    if (value === "CERTIFICATE") return cert;
    return value === "PRIVATE-KEY" ? key : value;
  });
}
