import { type GatewayReply, messageReply, type RequestContext } from "@catena/pipeline";
import { literals } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import { checkStatus } from "./replies/status.ts";

const labelsSchema = (description: string) =>
  Type.Optional(
    Type.Record(Type.String({ pattern: ".*" }), Type.Array(Type.String(), { minItems: 1 }), {
      minProperties: 1,
      description,
    }),
  );

const schema = Type.Object(
  {
    external_user_label_field: Type.Optional(
      Type.String({
        default: "groups",
        minLength: 1,
        description: "without effect: no plugin here knows users that are no consumers",
      }),
    ),
    external_user_label_field_key: Type.Optional(
      Type.String({ minLength: 1, description: "without effect, as above" }),
    ),
    external_user_label_field_parser: Type.Optional(
      literals(["segmented_text", "json", "table"], { description: "without effect, as above" }),
    ),
    external_user_label_field_separator: Type.Optional(
      Type.String({ minLength: 1, description: "without effect, as above" }),
    ),
    allow_labels: labelsSchema("labels of which a consumer needs one, each with its values"),
    deny_labels: labelsSchema("labels of which a consumer may have none, each with its values"),
    rejected_code: Type.Optional(
      Type.Integer({ minimum: 200, default: 403, description: "status of a refusal" }),
    ),
    rejected_msg: Type.Optional(Type.String({ description: "sent as message with a refusal" })),
  },
  {
    allOf: [
      {
        if: {
          required: ["external_user_label_field_parser"],
          properties: { external_user_label_field_parser: { const: "segmented_text" } },
        },
        // biome-ignore lint/suspicious/noThenProperty: the name is JSON Schema's (draft 7, 6.6.2).
        then: { required: ["external_user_label_field_separator"] },
      },
    ],
    anyOf: [{ required: ["allow_labels"] }, { required: ["deny_labels"] }],
  },
);

type Conf = Static<typeof schema>;

/** acl: lets consumers in, or keeps them out, by their labels (apisix/plugins/acl.lua). */
export const acl = definePlugin({
  name: "acl",
  priority: 2410,
  schema,
  check: (conf) => checkStatus(conf.rejected_code, "/rejected_code"),
  create: (conf) => ({ value: { access: (ctx) => decide(conf, ctx) }, issues: [] }),
});

function decide(conf: Conf, { consumer }: RequestContext): GatewayReply | undefined {
  if (consumer === null) return messageReply(401, { message: "Missing authentication." });
  const { allow_labels, deny_labels, rejected_code = 403 } = conf;
  const isDenied = deny_labels !== undefined && hasOne(deny_labels, consumer.labels);
  const isAllowed = allow_labels === undefined || hasOne(allow_labels, consumer.labels);
  if (!isDenied && isAllowed) return undefined;
  const message = conf.rejected_msg ?? "The consumer is forbidden.";
  return messageReply(rejected_code, { message });
}

function hasOne(
  wanted: Readonly<Record<string, readonly string[]>>,
  labels: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).some(([name, values]) => {
    const label = Object.hasOwn(labels, name) ? labels[name] : undefined;
    return label !== undefined && valuesOf(label).some((value) => values.includes(value));
  });
}

/** A label may be one value, several with commas, or a list in JSON. */
function valuesOf(label: string): readonly string[] {
  if (!label.startsWith("[")) return label.includes(",") ? label.split(/\s*,\s*/) : [label];
  try {
    const values: unknown = JSON.parse(label);
    return Array.isArray(values) ? values.filter((value) => typeof value === "string") : [];
  } catch {
    return [];
  }
}
