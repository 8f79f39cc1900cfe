import { expect, test } from "bun:test";
import { consumerRestriction } from "./consumer-restriction.ts";
import { keyAuth } from "./key-auth.ts";
import { contextOf, PluginBed, problemsOf } from "./plugin.testbed.ts";

const consumers = {
  jack: { "key-auth": { key: "jack-key" } },
  bob: { "key-auth": { key: "bob-key" } },
};

const bed = (conf: Record<string, unknown>): PluginBed =>
  new PluginBed(
    [
      [keyAuth, {}],
      [consumerRestriction, conf],
    ],
    { consumers },
  );

const byMethods = { allowed_by_methods: [{ user: "jack", methods: ["POST"] }] };

const cases: [conf: object, who: string, method: string, status: number][] = [
  [{ whitelist: ["bob"] }, "jack", "GET", 403],
  [{ whitelist: ["bob"] }, "bob", "GET", 200],
  [{ blacklist: ["jack"] }, "jack", "GET", 403],
  [{ blacklist: ["jack"] }, "bob", "GET", 200],
  [{ blacklist: ["jack"], whitelist: ["jack"] }, "jack", "GET", 403],
  [byMethods, "jack", "GET", 403],
  [byMethods, "jack", "POST", 200],
  [byMethods, "bob", "GET", 200],
  [{ whitelist: ["jack"], ...byMethods }, "jack", "GET", 200],
  [{ whitelist: ["bob"], ...byMethods }, "jack", "POST", 403],
  [{ allowed_by_methods: [{ user: "jack" }] }, "jack", "GET", 403],
];
test.each(cases)("%j: %s with %s gets %d", async (conf, who, method, status) => {
  const answer = await bed({ ...conf }).ask({ method, headers: { apikey: `${who}-key` } });
  expect(answer.status).toBe(status);
  if (status === 403) expect(answer.body).toBe('{"message":"The consumer_name is forbidden."}\n');
});

test("nobody is refused with 401", async () => {
  const answer = await new PluginBed([[consumerRestriction, { whitelist: ["bob"] }]]).ask();
  expect([answer.status, answer.body]).toEqual([
    401,
    '{"message":"The request is rejected, please check the consumer_name for this request"}\n',
  ]);
});

test("status and message are the configured ones", async () => {
  const conf = { blacklist: ["jack"], rejected_code: 404, rejected_msg: "who?" };
  const answer = await bed(conf).ask({ headers: { apikey: "jack-key" } });
  expect([answer.status, answer.body]).toEqual([404, '{"message":"who?"}\n']);
});

test.each([
  ["route_id", { routeId: "r" }],
  ["service_id", { serviceId: "r" }],
  [
    "consumer_group_id",
    { consumer: { name: "a", groupId: "r", credentialId: "", customId: "", labels: {} } },
  ],
] as const)("%s can be restricted", (type, state) => {
  const conf = { type, blacklist: ["r"] };
  const { value } = consumerRestriction.create(conf, {} as never); // needs no services
  const reply = value?.access?.(Object.assign(contextOf({}), state));
  expect(reply).toMatchObject({ status: 403, body: `{"message":"The ${type} is forbidden."}\n` });
  expect(value?.access?.(contextOf({}))).toHaveProperty("status", 401);
});

test.each([
  [{}, ""],
  [{ whitelist: [] }, "/whitelist"],
  [{ whitelist: ["a"], type: "user" }, "/type"],
  [{ whitelist: ["a"], rejected_code: 600 }, "/rejected_code"],
])("%j is refused at %j", (conf, path) => {
  expect(problemsOf(consumerRestriction, { ...conf })[0]?.path).toBe(path);
});
