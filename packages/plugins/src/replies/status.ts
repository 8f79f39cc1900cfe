import type { Issue } from "@catena/errors";

/** Refuses a status that no final reply can have; APISIX takes it and nginx then sends it. */
export function checkStatus(status: number | undefined, path: string): readonly Issue[] {
  if (status === undefined || (status >= 200 && status <= 599)) return [];
  return [
    {
      path,
      code: "STATUS_NOT_SERVED",
      message: `status ${status} can't be sent`,
      expected: "200 to 599",
    },
  ];
}
