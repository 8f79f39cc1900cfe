import { literals } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { openService, type Service } from "./calls/service-call.ts";
import { definePlugin } from "./define-plugin.ts";
import { BatchSender, PendingEntries } from "./logs/batch-sender.ts";
import type { LogEntry } from "./logs/log-entry.ts";
import { batchSchema, entrySchema, formatSchema, pendingSchema } from "./logs/log-schema.ts";
import { checkEntryConf, logHandlers } from "./logs/request-log.ts";

const schema = Type.Object({
  uri: Type.String({
    pattern: "^[^\\/]+:\\/\\/([\\da-zA-Z.-]+|\\[[\\da-fA-F:]+\\])(:\\d+)?",
    description: "where entries are sent by POST",
  }),
  auth_header: Type.Optional(
    Type.String({ description: "Authorization header of these messages" }),
  ),
  timeout: Type.Optional(
    Type.Integer({
      minimum: 1,
      default: 3,
      description: "seconds for connecting, sending and reading each",
    }),
  ),
  concat_method: Type.Optional(
    literals(["json", "new_line"], {
      default: "json",
      description: "whether entries are a JSON array or one JSON a line",
    }),
  ),
  ssl_verify: Type.Optional(
    Type.Boolean({ default: false, description: "whether the service's certificate is verified" }),
  ),
  ...entrySchema,
  ...batchSchema("http logger"),
});

type Conf = Static<typeof schema>;

/** http-logger: sends an entry for every request to a service (apisix/plugins/http-logger.lua). */
export const httpLogger = definePlugin({
  name: "http-logger",
  priority: 410,
  schema,
  metadataSchema: Type.Object({
    log_format: formatSchema("as log_format of routes that have none"),
    log_format_extra: formatSchema("as log_format_extra of routes that have none"),
    ...pendingSchema,
  }),
  encryptFields: { plugin: ["auth_header"] },
  check: checkEntryConf,
  create: (conf, services) => {
    const metadata = services.metadata("http-logger");
    const limit = metadata?.["max_pending_entries"];
    const sender = new BatchSender<LogEntry>(
      {
        name: conf.name ?? "http logger",
        maxEntries: conf.batch_max_size ?? 1000,
        inactiveMs: (conf.inactive_timeout ?? 5) * 1000,
        durationMs: (conf.buffer_duration ?? 60) * 1000,
        retries: conf.max_retry_count ?? 0,
        retryDelayMs: (conf.retry_delay ?? 1) * 1000,
      },
      typeof limit === "number" ? limit : 8192,
      // The limit is the plugin's, not that of one route.
      services.survivors.get("http-logger", "plugins", () => new PendingEntries()),
      messageSender(conf, openService(services, conf.uri, serviceOptions(conf))),
      services.log,
    );
    const { value, issues } = logHandlers(conf, { metadata, services }, (entry) =>
      sender.push({ ...entry, route_id: entry["route_id"] ?? "no-matched" }),
    );
    if (value === undefined) return { issues };
    return { value: { ...value, dispose: () => sender.close() }, issues };
  },
});

/** Longest answer that is read, in bytes; only its status counts. */
const maxReplyBytes = 1024 * 1024;

function serviceOptions({ timeout = 3, ssl_verify = false }: Conf) {
  return { timeoutMs: timeout * 1000, verify: ssl_verify, maxReplyBytes };
}

function messageSender(conf: Conf, service: Service | null) {
  const isJson = conf.concat_method !== "new_line";
  const { auth_header } = conf;
  const headers = [
    "Content-Type",
    isJson ? "application/json" : "text/plain",
    ...(auth_header === undefined ? [] : ["Authorization", auth_header]),
  ];
  return async (entries: readonly LogEntry[]): Promise<void> => {
    if (service === null) throw new Error("its URI is not by http or https");
    const body = bodyOf(entries, isJson, conf.batch_max_size === 1);
    const { status } = await service.send({ method: "POST", headers, body });
    if (status >= 400) throw new Error(`the service answered ${status}`);
  };
}

function bodyOf(entries: readonly LogEntry[], isJson: boolean, isSingle: boolean): string {
  if (isSingle) return JSON.stringify(entries[0]);
  return isJson ? JSON.stringify(entries) : entries.map((one) => JSON.stringify(one)).join("\n");
}
