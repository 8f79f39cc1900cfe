import { pointerSegment } from "@catena/errors";
import type { Finding } from "./json-schema/finding.ts";
import { patternOf } from "./json-schema/value-tests.ts";
import type { Upstream } from "./resources/upstream.ts";

/** What the key of a consistent hash may be, by `hash_on` (apisix/schema_def.lua). */
export const hashKeyPatterns: Readonly<Record<string, string>> = {
  vars: "^((uri|server_name|server_addr|request_uri|remote_port|remote_addr|query_string|host|hostname|mqtt_client_id)|arg_[0-9a-zA-z_-]+)$",
  header: "^[a-zA-Z0-9-_]+$",
  cookie: "^[a-zA-Z0-9-_]+$",
};

/**
 * Rules on an upstream that its schema cannot say (apisix/upstream.lua).
 *
 * @param path JSON pointer of the upstream within its resource.
 */
export function checkUpstream(upstream: Upstream, path: string): Finding[] {
  const findings = checkNodes(upstream, path);
  if (upstream.pass_host === "rewrite" && upstream.upstream_host === undefined) {
    findings.push({
      path: `${path}/upstream_host`,
      code: "SCHEMA_MISSING",
      message: '"upstream_host" is missing, "pass_host": "rewrite" needs it',
      apisix: "`upstream_host` can't be empty when `pass_host` is `rewrite`",
    });
  }
  if (upstream.type === "chash") findings.push(...checkHashKey(upstream, path));
  return findings;
}

function checkNodes({ nodes }: Upstream, path: string): Finding[] {
  if (Array.isArray(nodes)) {
    return nodes.flatMap(({ host }, index) =>
      host.includes(":") && !host.startsWith("[")
        ? [
            {
              path: `${path}/nodes/${index}/host`,
              code: "UPSTREAM_NODE",
              message: "an IPv6 address must be enclosed in brackets",
              hint: `write it as "[${host}]"`,
              apisix: "invalid configuration: IPv6 address must be enclosed with '[' and ']'",
            },
          ]
        : [],
    );
  }
  return Object.keys(nodes ?? {}).flatMap((address) => {
    const port = /:(\d+)$/.exec(address.replace(/^\[[^\]]*\]/, "h"))?.[1];
    if (port === undefined || (Number(port) >= 1 && Number(port) <= 65_535)) return [];
    return [
      {
        path: `${path}/nodes/${pointerSegment(address)}`,
        code: "UPSTREAM_NODE",
        message: "port out of range",
        expected: "1 to 65535",
        found: port,
        apisix: `invalid port ${Number(port)}`,
      },
    ];
  });
}

function checkHashKey({ key, hash_on = "vars" }: Upstream, path: string): Finding[] {
  if (hash_on === "consumer") return [];
  if (key === undefined) {
    return [
      {
        path: `${path}/key`,
        code: "SCHEMA_MISSING",
        message: '"key" is missing, "type": "chash" needs it',
        apisix: "missing key",
      },
    ];
  }
  const pattern = hashKeyPatterns[hash_on];
  if (pattern === undefined || patternOf(pattern).test(key)) return [];
  return [
    {
      path: `${path}/key`,
      code: "SCHEMA_PATTERN",
      message: `not something to hash on with "hash_on": "${hash_on}"`,
      expected:
        hash_on === "vars" ? "a request variable such as remote_addr, uri or arg_NAME" : "a name",
      found: JSON.stringify(key),
      apisix: `invalid configuration: failed to match pattern "${pattern}" with "${key}"`,
    },
  ];
}
