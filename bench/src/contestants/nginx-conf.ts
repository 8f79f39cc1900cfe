import { chainLength, clientKey, routePrefix, type ScenarioName, sizes } from "../scenario.ts";

export interface NginxConfOrder {
  readonly scenario: ScenarioName;
  readonly port: number;
  readonly upstreamPort: number;
  readonly directory: string;
  readonly routes: number;
  readonly withLua: boolean;
  /** Extra `location` blocks, for changing routes. */
  readonly locations: readonly string[];
}

/**
 * nginx as an operator would tune it for this work: one worker, no access log, kept-alive upstream
 * connections, bodies passed on as they come, buffers that hold a 1 MiB body without a file.
 */
export function toNginxConf(order: NginxConfOrder): string {
  const modules = order.withLua
    ? "load_module modules/ndk_http_module.so;\nload_module modules/ngx_http_lua_module.so;\n"
    : "";
  // As root nginx would drop to a user that can't write to our directory.
  const user = process.getuid?.() === 0 ? "user root;\n" : "";
  return `${modules}${user}daemon off;
worker_processes 1;
pid ${order.directory}/nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  default_type application/json;
  client_body_temp_path ${order.directory}/body;
  proxy_temp_path ${order.directory}/proxy;
  fastcgi_temp_path ${order.directory}/fastcgi;
  uwsgi_temp_path ${order.directory}/uwsgi;
  scgi_temp_path ${order.directory}/scgi;
  client_max_body_size 16m;
  client_body_buffer_size 2m;
  keepalive_requests 1000000000;
  ${httpPart(order)}
  upstream services {
    server 127.0.0.1:${order.upstreamPort};
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${order.port} backlog=1024;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_buffer_size 16k;
    proxy_buffers 16 128k;
    proxy_busy_buffers_size 256k;
    proxy_request_buffering off;
    ${serverPart(order)}
    ${order.locations.join("\n    ")}
  }
}
`;
}

export const proxyPass = "proxy_pass http://services;";

function httpPart({ scenario, withLua }: NginxConfOrder): string {
  if (scenario !== "key-auth-limit-count") return "";
  if (withLua) return "lua_shared_dict quota 1m;";
  return `map $http_${clientKey.header} $consumer { default ""; "${clientKey.value}" "${clientKey.consumer}"; }
  limit_req_zone $consumer zone=quota:1m rate=1000000r/s;
  limit_req_status 429;`;
}

function serverPart(order: NginxConfOrder): string {
  const { scenario, withLua } = order;
  if (scenario === "static") {
    return withLua
      ? 'location = /static { default_type text/plain; content_by_lua_block { ngx.print("hello, client") } }'
      : 'location = /static { default_type text/plain; return 200 "hello, client"; }';
  }
  if (scenario === "routes-100k") return routeLocations(order.routes);
  if (scenario === "key-auth-limit-count") {
    return withLua
      ? luaQuotaLocation
      : `location / { if ($consumer = "") { return 401; } limit_req zone=quota burst=100000 nodelay; ${proxyPass} }`;
  }
  if (scenario === "streaming") return `location / { proxy_buffering off; ${proxyPass} }`;
  // The changing routes of churn must not be answered by a catch-all.
  if (scenario === "churn") return `location = /proxy { ${proxyPass} }`;
  if (!withLua || scenario === "boot") return `location / { ${proxyPass} }`;
  return luaLocations(scenario);
}

function routeLocations(routes: number): string {
  const lines = Array.from(
    { length: routes },
    (_, index) => `location ${routePrefix(index)} { ${proxyPass} }`,
  );
  return lines.join("\n    ");
}

const luaQuotaLocation = `location / {
      access_by_lua_block {
        local key = ngx.var.http_${clientKey.header}
        local consumers = { ["${clientKey.value}"] = "${clientKey.consumer}" }
        local consumer = key and consumers[key]
        if not consumer then return ngx.exit(401) end
        local count = ngx.shared.quota:incr(consumer, 1, 0, 3600)
        if count > 1000000000 then return ngx.exit(429) end
        ngx.header["X-RateLimit-Limit"] = "1000000000"
        ngx.header["X-RateLimit-Remaining"] = tostring(1000000000 - count)
      }
      ${proxyPass}
    }`;

/**
 * A subrequest carries the client's headers, so `Content-Length` and `Content-Type` are set anew; the
 * outer location never proxies itself.
 */
function luaLocations(scenario: ScenarioName): string {
  const inner = `location /inner/ {
      internal;
      rewrite ^/inner(/.*)$ $1 break;
      proxy_set_header Connection "";
      proxy_set_header Content-Type application/json;
      ${proxyPass}
    }`;
  const chain = chainLength(scenario);
  const outer = chain > 0 ? luaChain(chain) : scenario === "parallel-4" ? luaParallel : luaEach;
  return `${inner}\n    ${outer}`;
}

function luaChain(length: number): string {
  return `location = /chain {
      content_by_lua_block {
        local cjson = require "cjson"
        ngx.req.read_body()
        local ok, merged = pcall(cjson.decode, ngx.req.get_body_data())
        if not ok or type(merged) ~= "table" then return ngx.exit(400) end
        for step = 1, ${length} do
          local reply = ngx.location.capture("/inner/svc/" .. step,
            { method = ngx.HTTP_POST, body = cjson.encode(merged) })
          if reply.status ~= 200 then
            ngx.status = reply.status
            return ngx.print(cjson.encode({ error = "Service error", body = reply.body }))
          end
          local parsed, data = pcall(cjson.decode, reply.body)
          if not parsed or type(data) ~= "table" then return ngx.exit(500) end
          for key, value in pairs(data) do merged[key] = value end
        end
        local last = ngx.location.capture("/inner/chain",
          { method = ngx.HTTP_POST, body = cjson.encode(merged) })
        ngx.status = last.status
        ngx.print(last.body)
      }
    }`;
}

const luaParallel = `location = /parallel {
      content_by_lua_block {
        local cjson = require "cjson"
        local a, b, c, d = ngx.location.capture_multi({
          { "/inner/delay/${sizes.parallelDelayMs}/a" }, { "/inner/delay/${sizes.parallelDelayMs}/b" },
          { "/inner/delay/${sizes.parallelDelayMs}/c" }, { "/inner/delay/${sizes.parallelDelayMs}/d" } })
        local out = { a = a, b = b, c = c, d = d }
        for name, reply in pairs(out) do
          if reply.status ~= 200 then return ngx.exit(502) end
          out[name] = cjson.decode(reply.body)
        end
        ngx.print(cjson.encode(out))
      }
    }`;

/** capture_multi starts and ends a batch together; with equal delays that costs nothing over a pool. */
const luaEach = `location = /each {
      content_by_lua_block {
        local cjson = require "cjson"
        ngx.req.read_body()
        local ok, input = pcall(cjson.decode, ngx.req.get_body_data())
        if not ok or type(input.ids) ~= "table" then return ngx.exit(400) end
        local items = {}
        for first = 1, #input.ids, ${sizes.eachConcurrency} do
          local batch = {}
          for index = first, math.min(first + ${sizes.eachConcurrency - 1}, #input.ids) do
            batch[#batch + 1] = { "/inner/delay/${sizes.eachDelayMs}/" .. ngx.escape_uri(tostring(input.ids[index])),
              { method = ngx.HTTP_GET, body = "" } }
          end
          for _, reply in ipairs({ ngx.location.capture_multi(batch) }) do
            if reply.status ~= 200 then return ngx.exit(502) end
            items[#items + 1] = cjson.decode(reply.body)
          end
        end
        ngx.print(cjson.encode({ items = items }))
      }
    }`;
