import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import session from "./fixtures/adc-standalone-session.json" with { type: "json" };
import transcript from "./fixtures/apisix-transcript.json" with { type: "json" };
import { type AdminBed, adminKey, startAdmin } from "./testbed/admin-bed.ts";
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
  readonly digest?: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly status: number;
}

// Each line of the fixture leaves out what it has not, which the type made from JSON cannot say.
const calls = session.calls as readonly AdcCall[];

/**
 * What adc sends when the whole configuration is one document. It puts what it has read with its changes,
 * so it goes on from what is read.
 */
describe.each(storeBeds)("what adc sends to a standalone Admin API on %s", (_, start) => {
  let bed: StoreBed;
  let admin: AdminBed;

  beforeAll(async () => {
    bed = await start();
    admin = startAdmin(bed.store, { standalone: true, keyring: ["qeddd145sfvddff3"] });
  });
  afterAll(async () => {
    await admin?.stop();
    await bed?.stop();
  });

  test("is answered as it needs, and reads back as it was written", async () => {
    const wrong: unknown[] = [];
    for (const call of calls) {
      const path = call.path.replace("/apisix/admin", "");
      const digest = call.digest === undefined ? {} : { "x-digest": call.digest };
      const headers = { "x-api-key": adminKey, ...digest };
      const reply = await admin.call(call.method, path, withCertificate(call.body), headers);
      if (reply.status !== call.status) wrong.push({ call, reply });
      if (call.method === "HEAD" && !/^APISIX\/\d/.test(reply.headers.get("server") ?? "")) {
        wrong.push({ call, reply: "no version" });
      }
      if (call.method !== "PUT") continue;
      const read = Object((await admin.call("GET", "/configs")).body);
      const { "X-Digest": kept, "X-Last-Modified": __, ...config } = read;
      const written = withCertificate(call.body);
      if (kept !== call.digest || !Bun.deepEquals(withoutEmpty(config), withoutEmpty(written))) {
        wrong.push({ call, written, config });
      }
    }
    expect(wrong).toEqual([]);
    const { entries } = await bed.store.list("/apisix/");
    expect(entries.map((entry) => entry.key)).toEqual(["/apisix/standalone_state"]);
  });
});

/** An empty list and none are the same, and a version that was never given is 0. */
function withoutEmpty(config: object | undefined): object {
  const entries = Object.entries(config ?? {}).filter(
    ([, value]) => value !== 0 && !(Array.isArray(value) && value.length === 0),
  );
  return Object.fromEntries(entries);
}

function withCertificate(body: AdcCall["body"]): object | undefined {
  if (body === undefined) return undefined;
  return JSON.parse(JSON.stringify(body), (_, value) => {
    if (value === "CERTIFICATE") return cert;
    return value === "PRIVATE-KEY" ? key : value;
  });
}
