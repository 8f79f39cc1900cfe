import { apisixSchemaMessage, isKind } from "@catena/schema";
import { Elysia } from "elysia";
import type { AdminContext } from "./admin-context.ts";
import { validateConfig } from "./config/validate-config.ts";
import { adminErrors } from "./errors.ts";
import { parseConfig } from "./http/parse-config.ts";
import { readBody, readJsonBody } from "./http/read-body.ts";
import type { Replies } from "./http/replies.ts";
import { describeOperation } from "./openapi/operation-details.ts";

/** `POST /configs/validate`: everything wrong with a whole configuration, in one answer. */
export function createConfigValidation(context: AdminContext, replies: Replies, base: string) {
  return new Elysia({ prefix: base, normalize: false }).post(
    "/configs/validate",
    async ({ request }) => {
      const text = await readBody(request);
      const config = parseConfig(text, request.headers.get("content-type"));
      const errors = validateConfig(context, config);
      if (errors.length === 0) return replies.json(200, {});
      return replies.json(400, { error_msg: "Configuration validation failed", errors });
    },
    {
      parse: "none",
      detail: describeOperation("configs", "Check a whole configuration", [200, 400, 401], {}),
    },
  );
}

/** `POST /schema/validate/KIND`: one document by its schema alone. */
export function createSchemaValidation(replies: Replies, base: string) {
  return new Elysia({ prefix: base, normalize: false }).post(
    "/schema/validate/:resource",
    async ({ request, params }) => {
      const body = await readJsonBody(request);
      const { resource } = params;
      if (!isKind(resource)) {
        throw adminErrors.ADMIN_PATH_UNKNOWN({
          reason: `Unsupported resource type: ${resource}`,
        });
      }
      const message = apisixSchemaMessage(resource, body);
      return message === null ? replies.empty(200) : replies.json(400, { error_msg: message });
    },
    {
      parse: "none",
      detail: describeOperation("schema", "Check a resource by its schema", [200, 400, 401], {}),
    },
  );
}
