import { type JsonObject, openObject } from "@catena/schema";
import { type Static, type TObject, type TProperties, Type } from "@sinclair/typebox";

/** An object of a custom resource: a field it does not know is a mistake, never ignored. */
export function closedObject<T extends TProperties>(properties: T): TObject<T> {
  return Type.Object(properties, { additionalProperties: false });
}

const metadataSchema = Type.Object({
  name: Type.String({ minLength: 1 }),
  namespace: Type.Optional(Type.String({ minLength: 1 })),
  labels: Type.Optional(Type.Record(Type.String(), Type.String())),
});

/** The whole document of a custom resource; what a cluster adds (`status`) may be there. */
export function manifestSchema<T extends TProperties>(spec: TObject<T>) {
  return closedObject({
    apiVersion: Type.String(),
    kind: Type.String(),
    metadata: metadataSchema,
    spec,
    status: Type.Optional(openObject<JsonObject>()),
  });
}

export const ingressClassSchema = Type.Optional(Type.String());

/** A Go duration (`time.ParseDuration`): `1m30s`, `500ms`. */
const durationSchema = Type.String({ pattern: "^([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$" });

export const timeoutSchema = closedObject({
  connect: Type.Optional(durationSchema),
  send: Type.Optional(durationSchema),
  read: Type.Optional(durationSchema),
});

export type CrdTimeout = Static<typeof timeoutSchema>;

/** Where a Secret is; `namespace` is required of those that may lie in another one. */
export const secretRefSchema = closedObject({
  name: Type.String({ minLength: 1 }),
  namespace: Type.Optional(Type.String({ minLength: 1 })),
});

export const pluginSchema = closedObject({
  name: Type.String({ minLength: 1 }),
  enable: Type.Optional(Type.Boolean()),
  config: Type.Optional(openObject<JsonObject>()),
  secretRef: Type.Optional(Type.String({ minLength: 1 })),
});

export type CrdPlugin = Static<typeof pluginSchema>;

export const weightSchema = Type.Optional(Type.Integer({ minimum: 0 }));

export const portSchema = Type.Integer({ minimum: 1, maximum: 65_535 });
