import type { Checked } from "@catena/errors";
import type { GatewayReply, RequestContext } from "@catena/pipeline";
import { literals } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import { toHeaderValue } from "./headers/header-value.ts";
import { checkHeaderName } from "./headers/reserved-headers.ts";
import { readHeader } from "./replies/reply-headers.ts";
import { ksuid, nanoid, rangeId } from "./request-id/generate-id.ts";

/** APISIX's own default, its second G included. */
const defaultCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIGKLMNOPQRSTUVWXYZ0123456789";

const maxLength = 256;

const schema = Type.Object({
  header_name: Type.Optional(
    Type.String({ default: "X-Request-Id", description: "header that holds the id" }),
  ),
  include_in_response: Type.Optional(
    Type.Boolean({ default: true, description: "send the id to the client too" }),
  ),
  algorithm: Type.Optional(
    literals(["uuid", "nanoid", "range_id", "ksuid", "uuidv7"], {
      default: "uuid",
      description: "how an id is made",
    }),
  ),
  range_id: Type.Optional(
    Type.Object(
      {
        length: Type.Optional(
          Type.Integer({ minimum: 6, default: 16, description: "characters of an id" }),
        ),
        char_set: Type.Optional(
          Type.String({
            minLength: 6,
            default: defaultCharacters,
            description: "characters to draw from",
          }),
        ),
      },
      { default: { length: 16, char_set: defaultCharacters } },
    ),
  ),
});

type Conf = Static<typeof schema>;

/**
 * request-id: gives every request an id, unless it came with one, and tells it to the upstream and the
 * client (apisix/plugins/request-id.lua).
 */
export const requestId = definePlugin({
  name: "request-id",
  priority: 12015,
  schema,
  check: (conf) => compile(conf).issues,
  create: (conf) => {
    const { value: stamp, issues } = compile(conf);
    if (stamp === undefined) return { issues };
    return {
      value: {
        rewrite: (ctx) => stampRequest(stamp, ctx),
        ...(stamp.isShown
          ? {
              headerFilter: (ctx: RequestContext, reply: GatewayReply) =>
                stampReply(stamp, ctx, reply),
            }
          : {}),
      },
      issues,
    };
  },
});

interface Stamp {
  readonly header: string;
  readonly lowerHeader: string;
  readonly isShown: boolean;
  readonly generate: () => string;
}

function compile(conf: Conf): Checked<Stamp> {
  const header = conf.header_name ?? "X-Request-Id";
  const { length = 16, char_set = defaultCharacters } = conf.range_id ?? {};
  const issues = [...checkHeaderName(header, "/header_name")];
  if (length > maxLength) {
    const message = `an id of ${length} characters is too long`;
    issues.push({
      path: "/range_id/length",
      code: "ID_INVALID",
      message,
      expected: `at most ${maxLength}`,
    });
  }
  if (issues.length > 0) return { issues };
  return {
    value: {
      header,
      lowerHeader: header.toLowerCase(),
      isShown: conf.include_in_response ?? true,
      generate: generator(conf.algorithm ?? "uuid", length, toHeaderValue(char_set)),
    },
    issues,
  };
}

function generator(
  algorithm: NonNullable<Conf["algorithm"]>,
  length: number,
  characters: string,
): () => string {
  switch (algorithm) {
    case "uuid":
      return () => crypto.randomUUID();
    case "uuidv7":
      return () => Bun.randomUUIDv7();
    case "nanoid":
      return nanoid;
    case "ksuid":
      return () => ksuid(Date.now());
    case "range_id":
      return () => rangeId(length, characters);
  }
}

function stampRequest({ header, lowerHeader, generate }: Stamp, ctx: RequestContext): void {
  const given = ctx.header(lowerHeader);
  if (given === null || given === "") ctx.editHeaders().set(header, generate());
}

function stampReply(
  { header, lowerHeader }: Stamp,
  ctx: RequestContext,
  reply: GatewayReply,
): void {
  const given = readHeader(reply.headers, lowerHeader);
  if (given !== null && given !== "") return;
  const id = ctx.header(lowerHeader);
  // Without one the rewrite phase did not come this far.
  if (id !== null) reply.headers.push(header, id);
}
