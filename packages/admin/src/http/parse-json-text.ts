import { isGatewayError } from "@catena/errors";
import { decodeSlice, formatFault, parseJson } from "@catena/json";
import { adminErrors } from "../errors.ts";

/**
 * Parses a JSON text from outside, and refuses what could not be stored as it was sent: a number
 * that no double holds.
 *
 * @throws ADMIN_REQUEST_INVALID with line and column, and the text itself in its details
 */
export function parseJsonText(text: string): unknown {
  const parsed = parseJson(text);
  if (parsed.kind === "fault") throw refused(formatFault(parsed), text);
  try {
    return decodeSlice(text);
  } catch (error) {
    if (!isGatewayError(error, "JSON_NUMBER_OUT_OF_RANGE")) throw error;
    const { number, offset } = error.details;
    throw refused(
      `number ${String(number)} at character ${Number(offset) + 1} cannot be stored exactly, send it as a string`,
      text,
    );
  }
}

function refused(reason: string, text: string): Error {
  const details = { reason: `invalid request body: ${reason}`, body: text };
  return adminErrors.ADMIN_REQUEST_INVALID(details);
}
