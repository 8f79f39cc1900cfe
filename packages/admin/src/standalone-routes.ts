import { Elysia } from "elysia";
import type { AdminContext } from "./admin-context.ts";
import { readConfig } from "./config/read-config.ts";
import { replaceConfig } from "./config/replace-config.ts";
import type { StandaloneState } from "./config/standalone-state.ts";
import { adminErrors } from "./errors.ts";
import type { KeyCheck } from "./http/check-key.ts";
import { parseConfig } from "./http/parse-config.ts";
import { readBody } from "./http/read-body.ts";
import type { Replies } from "./http/replies.ts";
import { describeOperation } from "./openapi/operation-details.ts";

/** Largest whole configuration in bytes; APISIX has no limit here. */
const maxConfigBytes = 64 * 1024 * 1024;

/**
 * The whole configuration as one document: `GET`, `HEAD` and `PUT /configs`
 * (apisix/admin/standalone.lua).
 */
export function createStandaloneRoutes(
  context: AdminContext,
  replies: Replies,
  checkKey: KeyCheck,
  base: string,
) {
  const read = async (request: Request): Promise<Response> => {
    const isAdmin = checkKey(request).role === "admin";
    const { config, state } = await readConfig(context, isAdmin);
    const isYaml = request.headers.get("accept")?.startsWith("application/yaml") === true;
    const type = isYaml ? "application/yaml" : "application/json";
    const text = isYaml ? Bun.YAML.stringify(config, null, 2) : JSON.stringify(config);
    return replies.document(type, text, headersOf(state));
  };
  return new Elysia({ prefix: base, normalize: false })
    .get("/configs", ({ request }) => read(request), {
      detail: describeOperation("configs", "Read the whole configuration", [200, 401, 503]),
    })
    .route(
      "HEAD",
      "/configs",
      async () => {
        const { state } = await readConfig(context, false);
        return replies.empty(200, headersOf(state));
      },
      { detail: describeOperation("configs", "Read the digest alone", [200, 401, 503]) },
    )
    .put(
      "/configs",
      async ({ request }) => {
        const digest = request.headers.get("x-digest");
        if (digest === null) {
          throw adminErrors.ADMIN_REQUEST_INVALID({ reason: "missing digest header" });
        }
        const text = await readBody(request, maxConfigBytes);
        const config = parseConfig(text, request.headers.get("content-type"));
        const state = await replaceConfig(context, config, digest);
        return state === null ? replies.empty(204) : replies.empty(202, headersOf(state));
      },
      {
        parse: "none",
        detail: describeOperation(
          "configs",
          "Replace the whole configuration, unless X-Digest is that of the present one",
          [202, 204, 400, 401, 503],
          {},
        ),
      },
    );
}

function headersOf({ digest, lastModified }: StandaloneState): Readonly<Record<string, string>> {
  return {
    ...(lastModified === null ? {} : { "X-Last-Modified": String(lastModified) }),
    ...(digest === null ? {} : { "X-Digest": digest }),
  };
}
