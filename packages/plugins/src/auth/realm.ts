import { Type } from "@sinclair/typebox";

/** `realm` of an auth plugin: printable ASCII that needs no escaping in a header. */
export function realmSchema(value: string) {
  return Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 128,
      pattern: "^[ -!#-[\\]-~]+$",
      default: value,
      description: "named in the WWW-Authenticate header of a refusal",
    }),
  );
}

/** Name of the consumer that stands for everybody who could not be identified. */
export const anonymousSchema = Type.Optional(
  Type.String({
    minLength: 1,
    description: "consumer that stands for clients nobody could identify",
  }),
);

/** Whether what identified the client is kept from the upstream. */
export const hideCredentialsSchema = Type.Optional(
  Type.Boolean({
    default: false,
    description: "keep from the upstream what identified the client",
  }),
);
