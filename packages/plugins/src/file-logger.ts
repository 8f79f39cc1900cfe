import { Type } from "@sinclair/typebox";
import { compileAnyOf } from "./conditions/any-of.ts";
import { definePlugin } from "./define-plugin.ts";
import { FileLines } from "./logs/file-lines.ts";
import { entrySchema, formatSchema } from "./logs/log-schema.ts";
import { logVariables } from "./logs/log-variables.ts";
import { checkEntryConf, logHandlers } from "./logs/request-log.ts";

const schema = Type.Object({
  path: Type.Optional(Type.String({ description: "file that entries are appended to" })),
  ...entrySchema,
  match: Type.Optional(
    Type.Array(Type.Array(Type.Unknown()), {
      maxItems: 20,
      description: "expressions of which one has to hold for an entry",
    }),
  ),
});

/**
 * file-logger: appends a line of JSON for every request to a file (apisix/plugins/file-logger.lua). The
 * file is opened for each write, so one that was moved away is begun anew.
 */
export const fileLogger = definePlugin({
  name: "file-logger",
  priority: 399,
  schema,
  metadataSchema: Type.Object({
    path: Type.Optional(Type.String({ description: "as path of routes that have none" })),
    log_format: formatSchema("as log_format of routes that have none"),
    log_format_extra: formatSchema("as log_format_extra of routes that have none"),
  }),
  check: (conf) => [...checkMatch(conf.match).issues, ...checkEntryConf(conf)],
  create: (conf, services) => {
    const metadata = services.metadata("file-logger");
    const matches = checkMatch(conf.match);
    const path = conf.path ?? metadata?.["path"];
    if (matches.value === undefined) return { issues: matches.issues };
    if (typeof path !== "string") {
      services.log.error('property "path" is not set in either the plugin conf or the metadata', {
        plugin: "file-logger",
        owner: services.owner,
      });
      return { value: {}, issues: [] };
    }
    const lines = new FileLines(path, services.log);
    const { value, issues } = logHandlers(
      conf,
      { metadata, services },
      (entry) => lines.write(`${JSON.stringify(entry)}\n`),
      matches.value,
    );
    if (value === undefined) return { issues };
    return { value: { ...value, dispose: () => lines.close() }, issues };
  },
});

function checkMatch(match: readonly (readonly unknown[])[] | undefined) {
  return compileAnyOf(
    match,
    "/match",
    logVariables(() => undefined),
  );
}
