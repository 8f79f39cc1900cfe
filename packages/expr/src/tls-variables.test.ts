import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { viewOf } from "./request-view.testbed.ts";
import type { TlsView } from "./request-view.ts";
import { compileVariable } from "./variables.ts";

/** Of "jack" of "Shop, Inc.", valid until 2126. */
const pem = `-----BEGIN CERTIFICATE-----
MIIBrTCCAVSgAwIBAgIUZ3xxi7xKO460PKYwd1RFqH+YHocwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRQ2F0ZW5hIGNsaWVudHMgQ0EwIBcNMjYxMTI0MTM1NDM2WhgP
MjEyNjEwMzExMzU0MzZaMDExCzAJBgNVBAYTAkRFMRMwEQYDVQQKDApTaG9wLCBJ
bmMuMQ0wCwYDVQQDDARqYWNrMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdZMH
3hTlG7LjA8GzeSW5kD21lo6meGexZbubdo+vAwBO/GrmkPTGOZz55LXAzvq6pMnY
Lv/V6g/mQTUcE8vDJqNdMFswGQYDVR0RBBIwEIEOamFja0BzaG9wLnRlc3QwHQYD
VR0OBBYEFLmMSp4QHj83fgbBgoz/E9zKHDZiMB8GA1UdIwQYMBaAFCKXqhHZx3fX
AMRM6BVasfrly9U5MAoGCCqGSM49BAMCA0cAMEQCIHY//LFkwm+L5Xdy0lUKzLX6
hzabfhj7ZaLkRhr26sq9AiAuom/3SxxIoJ0EOwfC1+2JaRsE5LADUatp0cJz7LfV
NQ==
-----END CERTIFICATE-----
`;

const tls: TlsView = {
  serverName: "a.test",
  protocol: "TLSv1.3",
  cipher: "TLS_AES_128_GCM_SHA256",
  isReused: false,
  clientVerify: "SUCCESS",
  clientCertificate: new X509Certificate(pem),
};

const read = (name: string, of: TlsView | null) =>
  compileVariable(name).value?.(viewOf({ tls: of }));

const cases: [name: string, value: string][] = [
  ["ssl_protocol", "TLSv1.3"],
  ["ssl_cipher", "TLS_AES_128_GCM_SHA256"],
  ["ssl_server_name", "a.test"],
  ["ssl_session_reused", "."],
  ["ssl_client_verify", "SUCCESS"],
  ["ssl_client_s_dn", "CN=jack,O=Shop\\, Inc.,C=DE"],
  ["ssl_client_i_dn", "CN=Catena clients CA"],
  ["ssl_client_serial", "677C718BBC4A3B8EB43CA630775445A87F981E87"],
  ["ssl_client_fingerprint", "260112f363cb85b4cf42871f4c4c90cee4a417bb"],
  ["ssl_client_raw_cert", pem.trimEnd()],
  ["ssl_client_cert", pem.trimEnd().replaceAll("\n", "\n\t")],
  ["ssl_client_escaped_cert", encodeURIComponent(pem)],
  ["ssl_client_v_start", "Nov 24 13:54:36 2026 GMT"],
  ["ssl_client_v_end", "Oct 31 13:54:36 2126 GMT"],
];

describe("of a connection over TLS", () => {
  test.each(cases)("%s is %p", (name, value) => {
    expect(read(name, tls)).toBe(value);
  });

  test("days are left of a certificate, and none of one that has ended", () => {
    expect(Number(read("ssl_client_v_remain", tls))).toBeGreaterThan(3650);
  });

  test("a session that was taken up again is told", () => {
    expect(read("ssl_session_reused", { ...tls, isReused: true })).toBe("r");
  });
});

test.each(cases)("%s is missing in clear text", (name) => {
  expect(read(name, null)).toBeUndefined();
});

test("what is said of a client is missing where it showed no certificate", () => {
  const nobody: TlsView = { ...tls, clientVerify: "NONE", clientCertificate: null };
  const found = cases.flatMap(([name]) => (read(name, nobody) === undefined ? [] : [name]));
  expect(found).toEqual([
    "ssl_protocol",
    "ssl_cipher",
    "ssl_server_name",
    "ssl_session_reused",
    "ssl_client_verify",
  ]);
});
