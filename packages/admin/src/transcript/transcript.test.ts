import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { checkExpression } from "@catena/expr";
import { parseKey } from "@catena/schema";
import fixture from "../fixtures/apisix-transcript.json" with { type: "json" };
import { type AdminServer, listenAdmin } from "../listen-admin.ts";
import { type StoreBed, storeBeds } from "../testbed/store-beds.ts";
import { createApisixRegistry } from "./apisix-registry.ts";
import { type Difference, differences, storedDifferences } from "./differences.ts";
import {
  generalize,
  type RecordedCall,
  type RecordedReply,
  recordedKey,
  sendRecorded,
  toComparable,
  toRecorded,
  withoutMembers,
} from "./replay.ts";

setDefaultTimeout(120_000);
// Each line of the fixture leaves out what it has not, which the type made from JSON cannot say.
const calls = fixture.calls as readonly RecordedCall[];

describe.each(storeBeds)("the recorded calls on %s", (_, start) => {
  let bed: StoreBed;
  let server: AdminServer;

  beforeAll(async () => {
    bed = await start();
    server = listenAdmin(
      { hostname: "127.0.0.1", port: 0 },
      {
        store: bed.store,
        prefix: "/apisix",
        keys: [{ name: "recorded", key: recordedKey, role: "admin" }],
        registry: createApisixRegistry(),
        // APISIX's defaults, which the recorded node ran with.
        keyring: ["qeddd145sfvddff3", "edd1c9f0985e76a2"],
        checkExpression,
      },
    );
  });
  afterAll(async () => {
    await server?.stop();
    await bed?.stop();
  });

  test("are answered as APISIX answered them, and leave the same things stored", async () => {
    const wrong: unknown[] = [];
    for (const call of calls) {
      const given = await answer(server, call);
      const problem = compare(given, call.reply, differences.get(call.n));
      if (problem !== null)
        wrong.push({ call: `${call.n} ${call.method} ${call.path}`, ...problem });
    }
    expect(wrong).toEqual([]);
    expect(generalize(await storedValues(bed))).toEqual(generalize(expectedValues()));
  });
});

/** A lease ends by itself a while after its time; that one call is repeated until it has. */
async function answer(server: AdminServer, call: RecordedCall): Promise<RecordedReply> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const reply = toRecorded(await sendRecorded(server, call));
    const isEarly = call.title === "4 s later" && reply.status !== call.reply.status;
    if (!isEarly || Date.now() > deadline) return reply;
    await Bun.sleep(50);
  }
}

/** @returns what is wrong, or `null`. A listed difference that is none is wrong, too. */
function compare(given: RecordedReply, recorded: RecordedReply, difference?: Difference) {
  const reply = toComparable(given);
  const apisix = toComparable(recorded);
  const isSame = Bun.deepEquals(reply, apisix);
  if (difference === undefined) return isSame ? null : { apisix, reply };
  if (isSame) return { stale: difference.reason };
  if ("reply" in difference) {
    const expected = toComparable(difference.reply);
    return Bun.deepEquals(reply, expected) ? null : { expected, reply };
  }
  if ("members" in difference) {
    const { members } = difference;
    const [ours, theirs] = [withoutMembers(reply, members), withoutMembers(apisix, members)];
    return Bun.deepEquals(ours, theirs) ? null : { apisix: theirs, reply: ours };
  }
  const [ours, theirs] = [given, recorded].map(({ status, type, versioned = false }) => ({
    status,
    type,
    versioned,
  }));
  return Bun.deepEquals(ours, theirs) ? null : { apisix: theirs, reply: ours };
}

/** Resources alone: the id generator's key holds the same value on every store. */
async function storedValues({ store }: StoreBed): Promise<Readonly<Record<string, unknown>>> {
  const { entries } = await store.list("/apisix/");
  return Object.fromEntries(
    entries
      .filter(({ key }) => parseKey(key).type === "resource")
      .map(({ key, value }) => [key, JSON.parse(value)]),
  );
}

function expectedValues(): Readonly<Record<string, unknown>> {
  const { "/apisix/gen_id": _, ...stored } = fixture.stored;
  return { ...stored, ...Object.fromEntries(storedDifferences) };
}
