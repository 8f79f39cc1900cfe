import { openapi } from "@catena/openapi";
import { isJsonObject } from "@catena/schema";
import { loadServed, servedOptions } from "../client/served-resources.ts";
import { writeGenerated } from "../client/write-generated.ts";
import type { Command } from "../command.ts";

export const openapiCommand: Command = {
  name: "openapi",
  summary: "print an OpenAPI 3.1 document of what is served",
  usage: "[FILE|FOLDER …]",
  options: {
    out: { type: "string", placeholder: "FILE", help: "write it there instead of printing" },
    title: { type: "string", placeholder: "TEXT", help: "default: Catena gateway" },
    "api-version": { type: "string", placeholder: "TEXT", help: "of the API; default: 1" },
    server: {
      type: "string",
      placeholder: "URL[,URL]",
      help: "where clients reach the gateway; default: /",
    },
    ...servedOptions,
    force: { type: "boolean", help: "also over a file that is no OpenAPI document" },
  },
  run: async (args, context) => {
    const served = await loadServed("openapi", args, context);
    if (served === null) return 1;
    const { resources, hasPathParameters } = served;
    const [title, version] = [args.text("title"), args.text("api-version")];
    const servers = args.text("server")?.split(",");
    const document = openapi(resources, {
      hasPathParameters,
      ...(title === undefined ? {} : { title }),
      ...(version === undefined ? {} : { version }),
      ...(servers === undefined ? {} : { servers }),
    });
    const text = JSON.stringify(document, null, 2);
    const file = args.text("out");
    if (file === undefined) {
      context.output.out(text);
      return 0;
    }
    writeGenerated(
      { file, text: `${text}\n`, isGenerated: isDocument, otherwise: "no OpenAPI document" },
      context.cwd,
      args.flag("force"),
    );
    context.output.out(file);
    return 0;
  },
};

function isDocument(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) && typeof value["openapi"] === "string";
  } catch {
    return false;
  }
}
