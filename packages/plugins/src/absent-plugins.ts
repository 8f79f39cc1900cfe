const lua = "its configuration is Lua code, which can't run here";
const runner = "it needs a plugin runner beside nginx";
const stream =
  "bodies are streamed as they come, and nothing but nginx can be told to hold them back";
const login = "signing in through a browser is left to a gateway in front, or to forward-auth";

/** Plugins of APISIX that are not here for a reason that whoever asks for them may want to know. */
export const absentPlugins: ReadonlyMap<string, string> = new Map([
  [
    "authz-casbin",
    "policies of Casbin are not evaluated here; ask a service with forward-auth or opa",
  ],
  ["brotli", "it compresses within nginx; use gzip"],
  ["cas-auth", login],
  ["dubbo-proxy", "upstreams over Dubbo are not served"],
  ["exit-transformer", lua],
  ["ext-plugin-post-req", runner],
  ["ext-plugin-post-resp", runner],
  ["ext-plugin-pre-req", runner],
  ["grpc-transcode", "messages of gRPC are passed on, not translated"],
  ["grpc-web", "messages of gRPC are passed on, not translated"],
  ["http-dubbo", "upstreams over Dubbo are not served"],
  ["inspect", lua],
  ["kafka-proxy", "upstreams over Kafka are not served"],
  ["ocsp-stapling", "certificates are served without stapled answers"],
  ["openid-connect", login],
  ["proxy-control", stream],
  ["saml-auth", login],
  ["serverless-post-function", lua],
  ["serverless-pre-function", lua],
]);
