import { irErrors } from "../errors.ts";
import { isPresent, numberArgument, type Operator, text, textArgument, value } from "./operator.ts";

/** ECMA-262 §21.4.1.1: what a date can be. */
const MAX_TIME = 8.64e15;

export const now: Operator = {
  name: "now",
  doc: "When the request began, in milliseconds since 1970; the same wherever it stands",
  params: [],
  returns: "number",
  evaluate: (_, env) => env.now(),
};

export const uuid: Operator = {
  name: "uuid",
  doc: "A fresh random UUID",
  params: [],
  returns: "string",
  evaluate: (_, env) => env.uuid(),
};

export const addSeconds: Operator = {
  name: "addSeconds",
  doc: "A time in milliseconds moved by seconds",
  params: [value("time"), value("seconds")],
  returns: "number",
  evaluate: ([time, seconds]) =>
    isPresent(time) && isPresent(seconds)
      ? numberArgument("addSeconds", time) + numberArgument("addSeconds", seconds) * 1000
      : undefined,
};

export const formatDate: Operator = {
  name: "formatDate",
  doc: "A time in milliseconds as iso (2026-01-31T09:30:00.000Z), date (2026-01-31), http (RFC 9110) or seconds since 1970",
  params: [value("time"), text("format", ["iso", "date", "http", "seconds"])],
  returns: "string",
  evaluate([time, format]) {
    if (!isPresent(time)) return undefined;
    const ms = numberArgument("formatDate", time);
    if (Math.abs(ms) > MAX_TIME) {
      throw irErrors.VALUE_ARGUMENT({ operator: "formatDate", reason: "got no time" });
    }
    const date = new Date(ms);
    if (format === "http") return date.toUTCString();
    if (format === "seconds") return String(Math.floor(ms / 1000));
    const iso = date.toISOString();
    return format === "date" ? iso.slice(0, iso.indexOf("T")) : iso;
  },
};

/** RFC 3339 with a zone or a date alone, and RFC 9110's IMF-fixdate: never a local time. */
const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;
const HTTP = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

export const parseDate: Operator = {
  name: "parseDate",
  doc: "The time in milliseconds of an ISO 8601 text with a zone, a date, or an HTTP date; absent when it is none",
  params: [value("text")],
  returns: "number",
  evaluate([given]) {
    if (!isPresent(given)) return undefined;
    const written = textArgument("parseDate", given);
    if (!ISO.test(written) && !HTTP.test(written)) return undefined;
    const time = Date.parse(written);
    return Number.isNaN(time) ? undefined : time;
  },
};
