import { constants, createHmac, createPublicKey, timingSafeEqual, verify } from "node:crypto";

/** RFC 7518 §3.1 and RFC 8037 §3.1, without `none`. */
export const hmacAlgorithms = ["HS256", "HS384", "HS512"] as const;
export const publicKeyAlgorithms = [
  "RS256",
  "RS384",
  "RS512",
  "ES256",
  "ES384",
  "ES512",
  "PS256",
  "PS384",
  "PS512",
  "EdDSA",
] as const;

export type SignatureAlgorithm =
  | (typeof hmacAlgorithms)[number]
  | (typeof publicKeyAlgorithms)[number];

/** Whether a signature is right; never throws. */
export type SignatureVerifier = (signed: string, signature: Uint8Array) => boolean;

/**
 * Makes the verifier of one key, which serves one algorithm: a token can't choose another.
 *
 * @param key the secret of an HMAC, else a public key or certificate in PEM.
 * @returns `null` when the key is none for the algorithm.
 */
export function compileVerifier(
  algorithm: SignatureAlgorithm,
  key: string | Uint8Array,
): SignatureVerifier | null {
  const digest = `sha${algorithm.slice(2)}`;
  if (algorithm.startsWith("HS")) {
    return (signed, signature) => {
      const expected = createHmac(digest, key).update(signed).digest();
      return expected.length === signature.length && timingSafeEqual(expected, signature);
    };
  }
  const publicKey = readPublicKey(algorithm, key);
  if (publicKey === null) return null;
  const options = {
    key: publicKey,
    // JWS writes r and s side by side (RFC 7518 §3.4), not in DER.
    dsaEncoding: "ieee-p1363" as const,
    ...(algorithm.startsWith("PS")
      ? {
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: constants.RSA_PSS_SALTLEN_AUTO,
        }
      : {}),
  };
  const name = algorithm === "EdDSA" ? null : digest;
  return (signed, signature) => {
    try {
      return verify(name, Buffer.from(signed), options, signature);
    } catch {
      return false;
    }
  };
}

/** Curves by algorithm, by OpenSSL's names. */
const curves: Readonly<Record<string, string>> = {
  ES256: "prime256v1",
  ES384: "secp384r1",
  ES512: "secp521r1",
};

function readPublicKey(algorithm: SignatureAlgorithm, pem: string | Uint8Array) {
  try {
    const key = createPublicKey(Buffer.from(pem));
    const type = key.asymmetricKeyType ?? "";
    if (algorithm === "EdDSA") return type === "ed25519" || type === "ed448" ? key : null;
    const curve = curves[algorithm];
    if (curve === undefined) return type === "rsa" || type === "rsa-pss" ? key : null;
    return type === "ec" && key.asymmetricKeyDetails?.namedCurve === curve ? key : null;
  } catch {
    return null;
  }
}
