import { defineErrors } from "@catena/errors";

/** What can go wrong while a stored value is computed. The executor adds the step's name. */
export const irErrors = defineErrors({
  VALUE_ARGUMENT: {
    status: 422,
    source: "downstream",
    retryable: false,
    message: (p: { operator: string; reason: string }) => `"${p.operator}" ${p.reason}`,
  },
  VALUE_TOO_LARGE: {
    status: 422,
    source: "downstream",
    retryable: false,
    message: (p: { operator: string; limit: number }) =>
      `the result of "${p.operator}" is larger than ${p.limit}`,
  },
  VALUE_COLLISION: {
    status: 422,
    source: "downstream",
    retryable: false,
    message: (p: { operator: string; key: string }) =>
      `"${p.operator}" got the member "${p.key}" from two values`,
  },
});
