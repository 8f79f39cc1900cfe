import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findDisagreements, type NamedAnswer } from "./agreement.ts";
import type { Contestant } from "./contestants/contestant.ts";
import { contestants } from "./contestants/registry.ts";
import { type Services, startServices } from "./contestants/services.ts";
import { requestOnce } from "./load/request-once.ts";
import { defineScenario, scenarioNames, sizes } from "./scenario.ts";

const routes = 50;
const directory = mkdtempSync(join(tmpdir(), "catena-bench-"));
const present: Contestant[] = [];
let services: Services;

beforeAll(async () => {
  services = await startServices(directory, true);
  for (const contestant of contestants) {
    // A test installs nothing: whoever is absent here is absent from the comparison as well.
    if ((await contestant.find(false)).kind === "present") present.push(contestant);
  }
});

afterAll(async () => {
  await services.stop();
  rmSync(directory, { recursive: true });
});

describe.each(scenarioNames.map((name) => ({ name })))("$name", ({ name }) => {
  const scenario = defineScenario(name, { routes });

  test("every contestant that runs it gives the same answer", async () => {
    // What bare Elysia boots to is its own static text.
    const taking = present.filter(
      (contestant) =>
        contestant.plan(name).kind === "runs" && !(name === "boot" && contestant.name === "elysia"),
    );
    expect(taking.length).toBeGreaterThan(0);
    const answers = await Promise.all(taking.map((contestant) => ask(contestant)));
    expect(findDisagreements(answers)).toEqual([]);
    checkAnswer(answers[0]!.answer.body);
  }, 60_000);

  async function ask(contestant: Contestant): Promise<NamedAnswer> {
    const place = join(directory, `${name}-${contestant.name}`);
    mkdirSync(place);
    const running = await contestant.start(scenario, {
      upstreamPort: services.port,
      directory: place,
      routes,
    });
    try {
      return {
        contestant: contestant.name,
        answer: await requestOnce(running.port, scenario.request),
      };
    } finally {
      await running.stop();
    }
  }

  function checkAnswer(body: string): void {
    if (name.startsWith("classic-chain-")) {
      const sent = JSON.parse(scenario.request.body!);
      const steps = Number(name.at(-1));
      const answer = JSON.parse(body);
      expect(answer).toMatchObject(sent);
      expect(answer.last).toBe(`s${steps}`);
      expect(Object.keys(answer).filter((key) => /^s\d$/.test(key)).length).toBe(steps);
    } else if (name === "parallel-4") {
      const answer = JSON.parse(body);
      expect(["a", "b", "c", "d"].map((key) => answer[key].id)).toEqual(["a", "b", "c", "d"]);
    } else if (name === "each-100") {
      const ids = JSON.parse(body).items.map((item: { id: string }) => item.id);
      expect(ids).toEqual(Array.from({ length: sizes.eachItems }, (_, index) => String(index + 1)));
    } else if (name.startsWith("body-")) {
      expect(body).toBe(scenario.request.body!);
    } else if (name === "streaming") {
      expect(body.length).toBe(sizes.streamChunks * sizes.streamChunkBytes);
    } else if (name === "static") {
      expect(body).toBe("hello, client");
    } else {
      expect(JSON.parse(body).path).toBe(scenario.request.paths[0]!);
    }
  }
});

const chaining = contestants.filter(({ plan }) => plan("classic-chain-3").kind === "runs");

test.each(chaining.map((contestant) => ({ contestant })))(
  "$contestant.name hands each step the merged object",
  async ({ contestant }) => {
    const scenario = defineScenario("classic-chain-3", { routes });
    if (!present.includes(contestant)) return;
    const place = join(directory, `merged-${contestant.name}`);
    mkdirSync(place);
    const running = await contestant.start(scenario, {
      upstreamPort: services.port,
      directory: place,
      routes,
    });
    try {
      await requestOnce(running.port, scenario.request);
      const response = await fetch(`http://127.0.0.1:${services.port}/recorded`);
      const recorded: Record<string, unknown> = JSON.parse(await response.text());
      const input = JSON.parse(scenario.request.body!);
      expect(recorded["1"]).toEqual(input);
      expect(recorded["2"]).toMatchObject({ ...input, s1: { ok: true }, last: "s1" });
      expect(recorded["3"]).toMatchObject({
        ...input,
        s1: { ok: true },
        s2: { ok: true },
        last: "s2",
      });
    } finally {
      await running.stop();
    }
  },
);

describe("key-auth-limit-count", () => {
  const { request } = defineScenario("key-auth-limit-count", { routes });

  test("a request without the key is refused by every contestant", async () => {
    const taking = present.filter(
      (contestant) => contestant.plan("key-auth-limit-count").kind === "runs",
    );
    const scenario = defineScenario("key-auth-limit-count", { routes });
    const statuses = await Promise.all(
      taking.map(async (contestant) => {
        const place = join(directory, `refused-${contestant.name}`);
        mkdirSync(place);
        const running = await contestant.start(scenario, {
          upstreamPort: services.port,
          directory: place,
          routes,
        });
        try {
          const { status } = await requestOnce(running.port, { ...request, headers: {} });
          return `${contestant.name} ${status}`;
        } finally {
          await running.stop();
        }
      }),
    );
    expect(statuses).toEqual(taking.map(({ name }) => `${name} 401`));
  }, 60_000);
});
