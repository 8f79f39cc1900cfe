import { createHash, createHmac } from "node:crypto";

/** What a call to AWS is signed with. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** `` for none. */
  readonly sessionToken: string;
}

export interface AwsCall {
  readonly method: "GET" | "POST";
  /** `host[:port]` */
  readonly host: string;
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly region: string;
  readonly service: string;
  readonly at: Date;
}

/**
 * The headers of a call with its Signature Version 4 (docs.aws.amazon.com, "Create a signed AWS API
 * request"). The path is "/" or needs no encoding, and there is no query.
 */
export function signAwsCall(
  call: AwsCall,
  credentials: AwsCredentials,
): Readonly<Record<string, string>> {
  const stamp = `${call.at.toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
  const headers: Record<string, string> = {
    ...call.headers,
    host: call.host,
    "x-amz-date": stamp,
    ...(credentials.sessionToken === ""
      ? {}
      : { "x-amz-security-token": credentials.sessionToken }),
  };
  const names = Object.keys(headers).sort();
  const signedHeaders = names.join(";");
  const canonical = [
    call.method,
    call.path,
    "",
    ...names.map((name) => `${name}:${headers[name]?.trim()}`),
    "",
    signedHeaders,
    sha256(call.body),
  ].join("\n");
  const day = stamp.slice(0, 8);
  const scope = `${day}/${call.region}/${call.service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", stamp, scope, sha256(canonical)].join("\n");
  const key = [day, call.region, call.service, "aws4_request"].reduce<Buffer>(
    (secret, part) => createHmac("sha256", secret).update(part).digest(),
    Buffer.from(`AWS4${credentials.secretAccessKey}`),
  );
  const signature = createHmac("sha256", key).update(toSign).digest("hex");
  const { accessKeyId } = credentials;
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
