import type { Issue } from "@catena/errors";
import { formatName, type ResourceOf } from "@catena/schema";
import { dslIssue } from "../errors.ts";
import { formatPosition } from "../source-position.ts";
import type { CompiledResource } from "./compile.ts";

/**
 * Finds routes that no request can tell apart: the same path, method, host, client address, `vars`
 * and priority. Which of them would serve is undefined in APISIX.
 */
export function checkSameMatch(resources: readonly CompiledResource[]): readonly Issue[] {
  const issues: Issue[] = [];
  const byMatch = new Map<string, CompiledResource>();
  for (const resource of resources) {
    if (resource.kind !== "routes") continue;
    // Compiled resources have passed the schema of their kind.
    const route = resource.value as ResourceOf<"routes">;
    const clash = matchesOf(route)
      .map((match) => byMatch.get(match))
      .find((other) => other !== undefined && other !== resource);
    for (const match of matchesOf(route)) byMatch.set(match, resource);
    if (clash === undefined) continue;
    issues.push(
      dslIssue(
        "DSL_SAME_MATCH",
        `matches the same requests as ${formatName(clash)} at ${formatPosition(clash.source)}`,
        {
          hint: "make uri, methods, host or vars differ, or give one a higher priority",
          resource: formatName(resource),
          source: resource.source,
        },
      ),
    );
  }
  return issues;
}

/** One text for each combination of what a route lists. */
function matchesOf(route: ResourceOf<"routes">): readonly string[] {
  if (route.status === 0) return [];
  const { uri, uris, host, hosts, methods, remote_addr, remote_addrs, vars, priority } = route;
  const rest = JSON.stringify([vars ?? [], priority ?? 0, route.filter_func ?? ""]);
  const addresses = remote_addrs ?? [remote_addr ?? "*"];
  return (uris ?? [uri ?? ""]).flatMap((path) =>
    (hosts ?? [host ?? "*"]).flatMap((name) =>
      (methods === undefined || methods.length === 0 ? ["*"] : methods).flatMap((method) =>
        addresses.map((address) => JSON.stringify([path, name, method, address, rest])),
      ),
    ),
  );
}
