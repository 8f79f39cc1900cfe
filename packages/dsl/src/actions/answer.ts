import type { StoredExit } from "@catena/ir";
import type { In, Maybe, Refers } from "../scope-types.ts";
import { toStored, toStoredRecord } from "../to-stored.ts";

/** Values of headers by name; one that is absent is not sent, a list is sent one by one. */
export type HeaderValues = Readonly<
  Record<string, Maybe<string | number | boolean> | Refers<readonly string[] | undefined>>
>;

/** What a client is answered with. */
export interface Answer {
  /** Default 200. */
  readonly status?: In<number>;
  readonly headers?: HeaderValues;
  readonly body?: unknown;
}

export function toStoredAnswer({ status, headers, body }: Answer): StoredExit {
  return {
    ...(status === undefined ? {} : { status: toStored(status) }),
    ...(headers === undefined ? {} : { headers: toStoredRecord(headers) }),
    ...(body === undefined ? {} : { body: toStored(body) }),
  };
}
