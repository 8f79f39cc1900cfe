import type { In, Ref } from "../scope-types.ts";
import { refer } from "./refer.ts";

/** When the request began, in milliseconds since 1970; the same wherever it stands. */
export function now(): Ref<number> {
  return refer("now");
}

/** A fresh random UUID, another wherever it stands. */
export function uuid(): Ref<string> {
  return refer("uuid");
}

/** A time in milliseconds moved by seconds. */
export function addSeconds(time: In<number>, seconds: In<number>): Ref<number> {
  return refer("addSeconds", time, seconds);
}

/**
 * A time in milliseconds as text: `iso` (2026-01-31T09:30:00.000Z), `date` (2026-01-31), `http`
 * (RFC 9110) or `seconds` since 1970.
 */
export function formatDate(
  time: In<number>,
  format: "iso" | "date" | "http" | "seconds",
): Ref<string> {
  return refer("formatDate", time, format);
}

/** The time in milliseconds of an ISO 8601 text with a zone, a date or an HTTP date; else missing. */
export function parseDate(text: In<string>): Ref<number | undefined> {
  return refer("parseDate", text);
}
