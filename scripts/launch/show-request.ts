import type { DemoCall } from "../demo/demo-service.ts";

export interface ShownRequest {
  readonly method: string;
  readonly url: string;
  readonly body: string;
}

export interface ShownReply {
  readonly status: number;
  readonly statusText: string;
  readonly body: string;
  readonly durationMs: number;
}

/**
 * Draws a request, the calls it caused and its reply, columns aligned:
 *
 * ```text
 * POST http://127.0.0.1:9080/v1/checkout  {"cart_id":"abc123"}
 *
 *    1  customer  POST /api/v1/user  {"cart_id":"abc123"}
 *                 → 200  {"customer_id":"c-1001"}
 *
 * 201 Created  {"order_id":"o-abc123"}  (12 ms)
 * ```
 */
export function formatExchange(
  request: ShownRequest,
  calls: readonly DemoCall[],
  reply: ShownReply,
): string {
  const width = Math.max(0, ...calls.map(({ service }) => service.length));
  const steps = calls.flatMap((call, index) => formatStep(call, index + 1, width));
  return [
    `${request.method} ${request.url}  ${request.body}`.trimEnd(),
    "",
    ...steps,
    "",
    `${reply.status} ${reply.statusText}  ${reply.body}  (${Math.round(reply.durationMs)} ms)`,
  ].join("\n");
}

function formatStep(call: DemoCall, position: number, width: number): string[] {
  const label = `  ${String(position).padStart(2)}  ${call.service.padEnd(width)}  `;
  const token = call.hasToken ? "  (with its token)" : "";
  return [
    `${label}${call.method} ${call.path}  ${call.body}`.trimEnd() + token,
    `${" ".repeat(label.length)}→ ${call.status}  ${call.reply}`.trimEnd(),
  ];
}
