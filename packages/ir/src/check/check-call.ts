import { pointerSegment } from "@catena/errors";
import { describeFound } from "../describe-found.ts";
import { nearestName } from "../nearest-name.ts";
import type { StoredCall, StoredValue } from "../stored-chain.ts";
import { baseUriFault, pathFault, pathParameters } from "./call-path.ts";
import { checkHeaders, isTextual } from "./check-headers.ts";
import { checkValue, type ValueScope } from "./check-value.ts";
import type { Findings } from "./findings.ts";

export function checkCall(
  call: StoredCall,
  path: string,
  scope: ValueScope,
  findings: Findings,
): void {
  checkTarget(call, path, findings);
  checkPath(call.path, `${path}/path`, findings);
  checkParams(call, path, findings);
  checkHeaders(call.headers, `${path}/headers`, scope, findings);
  checkValues(call.params, `${path}/params`, scope, findings);
  checkValues(call.query, `${path}/query`, scope, findings);
  if (call.body !== undefined) checkValue(call.body, `${path}/body`, scope, findings);
  if (call.host !== undefined) checkValue(call.host, `${path}/host`, scope, findings);
}

function checkTarget(call: StoredCall, path: string, findings: Findings): void {
  const { uri, upstream_id, host, allowed_hosts } = call;
  if ((uri === undefined) === (upstream_id === undefined)) {
    findings.add(path, "CHAIN_CALL_TARGET", "a call goes to exactly one of upstream_id and uri", {
      found: uri === undefined ? "neither" : "both",
    });
  }
  if (uri !== undefined) checkBaseUri(uri, `${path}/uri`, findings);
  if (host !== undefined && (allowed_hosts === undefined || uri === undefined)) {
    findings.add(
      `${path}/host`,
      "CHAIN_CALL_TARGET",
      "a computed host needs uri and allowed_hosts",
      {
        hint: "list the hosts the call may go to in allowed_hosts",
      },
    );
  }
  for (const [index, allowed] of (allowed_hosts ?? []).entries()) {
    if (!/^[a-z0-9._-]+(:\d{1,5})?$|^\[[0-9a-f:.]+\](:\d{1,5})?$/.test(allowed)) {
      findings.add(`${path}/allowed_hosts/${index}`, "CHAIN_CALL_TARGET", "not a host", {
        expected: "a host name in lower case or an address, and a port if it is not the default",
        found: describeFound(allowed),
      });
    }
  }
}

function checkBaseUri(uri: string, path: string, findings: Findings): void {
  const fault = baseUriFault(uri);
  if (fault === null) return;
  findings.add(path, "CHAIN_CALL_TARGET", fault, {
    expected: "http(s)://host[:port][/base]",
    // Without what may be a password.
    found: describeFound(uri.replace(/\/\/[^/]*@/, "//…@")),
  });
}

function checkPath(written: string, path: string, findings: Findings): void {
  const fault = pathFault(written);
  if (fault === null) return;
  findings.add(path, "CHAIN_CALL_PATH", fault, {
    expected: "/literal/segments/{and}/{placeholders}",
    found: describeFound(written),
  });
}

function checkParams(call: StoredCall, path: string, findings: Findings): void {
  const wanted = pathParameters(call.path);
  const given = Object.keys(call.params ?? {});
  for (const name of wanted) {
    if (given.includes(name)) continue;
    findings.add(`${path}/params`, "CHAIN_CALL_PARAM", `path parameter "${name}" is not given`, {
      expected: wanted.join(", "),
      found: given.length === 0 ? "nothing" : given.join(", "),
    });
  }
  for (const name of given) {
    const at = `${path}/params/${pointerSegment(name)}`;
    if (!wanted.includes(name)) {
      const near = nearestName(name, wanted);
      findings.add(at, "CHAIN_CALL_PARAM", `the path has no {${name}}`, {
        expected: wanted.length === 0 ? "no params" : wanted.join(", "),
        found: JSON.stringify(name),
        ...(near === null ? {} : { hint: `did you mean "${near}"?` }),
      });
    }
    const value = call.params?.[name];
    if (value === "" || value === "." || value === "..") {
      findings.add(at, "CHAIN_CALL_PARAM", "not usable as a path segment", {
        found: JSON.stringify(value),
      });
    } else if (!isTextual(value)) {
      findings.add(at, "CHAIN_CALL_PARAM", "a path segment is a string or a number", {
        found: describeFound(value),
      });
    }
  }
}

function checkValues(
  values: Readonly<Record<string, StoredValue>> | undefined,
  path: string,
  scope: ValueScope,
  findings: Findings,
): void {
  for (const [name, value] of Object.entries(values ?? {})) {
    checkValue(value, `${path}/${pointerSegment(name)}`, scope, findings);
  }
}
