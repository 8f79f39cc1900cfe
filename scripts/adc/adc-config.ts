import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A configuration of adc's with every kind of resource that it manages. */
export function adcConfig(node: string): Readonly<Record<string, unknown>> {
  const [host = "", port = ""] = node.split(":");
  const nodes = [{ host, port: Number(port), weight: 1 }];
  return {
    services: [
      {
        name: "shop",
        description: "what adc made",
        upstream: {
          type: "roundrobin",
          nodes,
          timeout: { connect: 1, send: 2, read: 3 },
          checks: { active: { http_path: "/" } },
        },
        plugins: {
          "limit-count": { count: 1000, time_window: 60, key: "remote_addr", rejected_code: 429 },
        },
        routes: [
          {
            name: "items",
            uris: ["/items/*"],
            methods: ["GET"],
            priority: 10,
            vars: [["arg_open", "==", "1"]],
          },
          { name: "guarded", uris: ["/guarded"], plugins: { "key-auth": {} } },
        ],
      },
    ],
    consumers: [
      {
        username: "jack",
        plugins: { "limit-count": { count: 500, time_window: 60, key: "remote_addr" } },
        credentials: [
          { name: "key", type: "key-auth", config: { key: "key-of-jack" } },
          { name: "basic", type: "basic-auth", config: { username: "jack", password: "secret" } },
          { name: "jwt", type: "jwt-auth", config: { key: "jack", secret: "s".repeat(32) } },
        ],
      },
    ],
    global_rules: { "response-rewrite": { headers: { set: { "X-From": "adc" } } } },
    ssls: [{ snis: ["shop.example.com"], certificates: [makeCertificate()] }],
  };
}

/** Made anew each time, by openssl. */
function makeCertificate(): { readonly certificate: string; readonly key: string } {
  const folder = mkdtempSync(join(tmpdir(), "catena-adc-"));
  const [certificate, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  try {
    const options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const files = ["-keyout", key, "-out", certificate, "-days", "2"];
    const args = ["req", "-x509", ...options, ...files, "-subj", "/CN=shop.example.com"];
    const { exitCode } = Bun.spawnSync(["openssl", ...args], { stderr: "ignore" });
    if (exitCode !== 0) throw new Error("openssl could not make a certificate");
    return {
      certificate: readFileSync(certificate, "utf8"),
      key: readFileSync(key, "utf8"),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
