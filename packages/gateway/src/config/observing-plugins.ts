/**
 * APISIX plugins that only watch: they write logs, traces or metrics and change neither who may pass
 * nor what is sent. A stored configuration may name them although they are not in this build. Any
 * other unknown plugin could be the one that keeps strangers out, so its route is not served
 * (docs/decisions/0006).
 */
export const observingPlugins: ReadonlySet<string> = new Set([
  "clickhouse-logger",
  "datadog",
  "elasticsearch-logger",
  "error-log-logger",
  "file-logger",
  "google-cloud-logging",
  "http-logger",
  "inspect",
  "kafka-logger",
  "lago",
  "loggly",
  "loki-logger",
  "log-rotate",
  "node-status",
  "opentelemetry",
  "prometheus",
  "rocketmq-logger",
  "server-info",
  "skywalking",
  "skywalking-logger",
  "sls-logger",
  "splunk-hec-logging",
  "syslog",
  "tcp-logger",
  "tencent-cloud-cls",
  "udp-logger",
  "zipkin",
]);
