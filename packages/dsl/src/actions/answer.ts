import type { StoredExit } from "@catena/ir";
import { refuseUnknown } from "../refuse-unknown.ts";
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

const ANSWER = ["status", "headers", "body"] as const satisfies readonly (keyof Answer)[];

/** @throws DSL_ARGUMENT for what is no part of an answer. */
export function toStoredAnswer(answer: Answer): StoredExit {
  refuseUnknown(answer, ANSWER, "a part of an answer");
  const { status, headers, body } = answer;
  return {
    ...(status === undefined ? {} : { status: toStored(status) }),
    ...(headers === undefined ? {} : { headers: toStoredRecord(headers) }),
    ...(body === undefined ? {} : { body: toStored(body) }),
  };
}
