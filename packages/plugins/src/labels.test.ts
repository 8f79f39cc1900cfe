import { describe, expect, test } from "bun:test";
import type { Consumer } from "@catena/pipeline";
import type { PluginConf } from "@catena/schema";
import { Type } from "@sinclair/typebox";
import { acl } from "./acl.ts";
import { attachConsumerLabel } from "./attach-consumer-label.ts";
import { definePlugin } from "./define-plugin.ts";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";

/** Stands for an auth plugin that found somebody with these labels. */
const identifying = (labels: Readonly<Record<string, string>> | null) =>
  definePlugin({
    name: "identify",
    priority: 9999,
    schema: Type.Object({}),
    create: () => ({
      value: {
        rewrite: (ctx) => {
          const who = { name: "jack", groupId: "", credentialId: "", customId: "" };
          ctx.consumer = labels === null ? null : ({ ...who, labels } satisfies Consumer);
        },
      },
      issues: [],
    }),
  });

describe("acl", () => {
  const team = { team: ["a", "b"] };
  const cases: [
    name: string,
    conf: PluginConf,
    labels: Record<string, string> | null,
    status: number,
  ][] = [
    ["keeps nobody out who is nobody", { allow_labels: team }, null, 401],
    ["lets in by a label", { allow_labels: team }, { team: "a" }, 200],
    ["lets in by one of several values", { allow_labels: team }, { team: "x, b" }, 200],
    ["lets in by a list in JSON", { allow_labels: team }, { team: '["x","b"]' }, 200],
    ["keeps out what is no list", { allow_labels: team }, { team: '["b"' }, 403],
    ["keeps out without the label", { allow_labels: team }, { other: "a" }, 403],
    ["keeps out by a label", { deny_labels: team }, { team: "a" }, 403],
    ["lets in without a denied label", { deny_labels: team }, {}, 200],
    [
      "denies before it allows",
      { allow_labels: team, deny_labels: { org: ["x"] } },
      { team: "a", org: "x" },
      403,
    ],
    [
      "looks at no label that objects have of their own",
      { allow_labels: { constructor: ["x"] } },
      {},
      403,
    ],
  ];
  test.each(cases)("%s", async (_, conf, labels, status) => {
    const bed = new PluginBed([
      [identifying(labels), {}],
      [acl, conf],
    ]);
    expect((await bed.ask()).status).toBe(status);
  });

  test("says what it is told to say", async () => {
    const say = async (conf: PluginConf) => {
      const bed = new PluginBed([
        [identifying({}), {}],
        [acl, { allow_labels: team, ...conf }],
      ]);
      const { status, body } = await bed.ask();
      return [status, body];
    };
    expect(await say({})).toEqual([403, '{"message":"The consumer is forbidden."}\n']);
    expect(await say({ rejected_code: 401, rejected_msg: "no" })).toEqual([
      401,
      '{"message":"no"}\n',
    ]);
  });

  test.each([
    {},
    { allow_labels: {} },
    { allow_labels: { a: [] } },
    { allow_labels: { a: ["x"] }, external_user_label_field_parser: "segmented_text" },
  ])("%j is refused", (conf) => {
    expect(problemsOf(acl, conf)).not.toHaveLength(0);
  });
});

describe("attach-consumer-label", () => {
  const conf = { headers: { "X-Team": "$team", "X-Org": "$org" } };
  const cases: [name: string, labels: Record<string, string> | null, team: string | undefined][] = [
    ["tells the upstream a label", { team: "a" }, "a"],
    ["removes what the client sent without it", { other: "a" }, undefined],
    ["removes what the client sent where nobody is known", null, undefined],
  ];
  test.each(cases)("%s", async (_, labels, team) => {
    const bed = new PluginBed([
      [identifying(labels), {}],
      [attachConsumerLabel, conf],
    ]);
    const { upstream } = await bed.ask({ headers: { "x-team": "evil", "x-org": "evil" } });
    expect(upstream?.headers["x-team"]).toBe(team);
    expect(upstream?.headers).not.toHaveProperty("x-org");
  });

  test.each([{}, { headers: {} }, { headers: { a: "team" } }, { headers: { Host: "$a" } }])(
    "%j is refused",
    (refused) => {
      expect(problemsOf(attachConsumerLabel, refused)).not.toHaveLength(0);
    },
  );
});
