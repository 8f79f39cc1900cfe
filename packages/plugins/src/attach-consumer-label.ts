import { pointerSegment } from "@catena/errors";
import { Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import { toHeaderValue } from "./headers/header-value.ts";
import { checkUpstreamHeader } from "./headers/reserved-headers.ts";

const schema = Type.Object({
  headers: Type.Unsafe<Readonly<Record<string, string>>>(
    Type.Object(
      {},
      {
        additionalProperties: Type.String({ pattern: "^\\$.*" }),
        minProperties: 1,
        description: "headers for the upstream, each with a label of the consumer as $name",
      },
    ),
  ),
});

/**
 * attach-consumer-label: tells the upstream labels of the consumer; what the client sent in these headers
 * never gets there (apisix/plugins/attach-consumer-label.lua).
 */
export const attachConsumerLabel = definePlugin({
  name: "attach-consumer-label",
  priority: 2399,
  schema,
  check: ({ headers }) =>
    Object.keys(headers).flatMap((name) =>
      checkUpstreamHeader(name, `/headers/${pointerSegment(name)}`),
    ),
  create: ({ headers }) => {
    const pairs = Object.entries(headers).map(([name, label]) => [name, label.slice(1)] as const);
    return {
      value: {
        beforeProxy: (ctx) => {
          const labels = ctx.consumer?.labels ?? {};
          for (const [name, label] of pairs) {
            const value = Object.hasOwn(labels, label) ? (labels[label] ?? "") : "";
            ctx.setUpstreamHeader(name, toHeaderValue(value));
          }
        },
      },
      issues: [],
    };
  },
});
