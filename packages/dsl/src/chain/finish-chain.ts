import type { Issue } from "@catena/errors";
import { checkChain } from "@catena/ir";
import { isJsonObject, type JsonObject } from "@catena/schema";
import { type AuthoredDocument, declareLater, type Target } from "../declaration.ts";
import { dslIssue, toIssue } from "../errors.ts";
import type { AuthoredChain, AuthoredEnd } from "./authored-chain.ts";
import { routeFields } from "./chain-options.ts";
import type { ChainRoute } from "./chain-route.ts";
import { type LoweredChain, PLUGIN_PATH } from "./lowered-chain.ts";
import { type Obstacle, toClassic } from "./to-classic.ts";
import { toSteps } from "./to-steps.ts";

/** Makes a chain with an end the route it is. */
export function finishChain<B, R>(
  chain: AuthoredChain,
  end: AuthoredEnd,
  issue?: Issue,
): ChainRoute<B, R> {
  const { id, chainId } = chain.options;
  const issues = issue === undefined ? chain.issues : [...chain.issues, issue];
  const declaration = declareLater("routes", id, chain.source, (target) =>
    toDocument({ ...chain, issues }, end, target),
  );
  const route = chainId === undefined ? declaration : { ...declaration, alias: chainId };
  // What ChainRoute adds is a type alone.
  return Object.freeze(route) as ChainRoute<B, R>;
}

function toDocument(chain: AuthoredChain, end: AuthoredEnd, target: Target): AuthoredDocument {
  const { plugins = {}, upstream_id } = chain.options;
  const { conf, issues, positions } = lower(chain, end, target);
  const conflict =
    "proxy-chain" in plugins
      ? [
          dslIssue("DSL_CHAIN", "a chain's route cannot have another proxy-chain", {
            path: PLUGIN_PATH,
            hint: "remove it from plugins",
          }),
        ]
      : [];
  return {
    fields: {
      ...routeFields(chain.options),
      upstream_id: end.kind === "forward" ? (end.upstream ?? upstream_id) : upstream_id,
      plugins: { ...plugins, "proxy-chain": conf },
    },
    issues: [...chain.issues, ...issues, ...conflict, ...unknownParams(chain)],
    positions,
    check: checkStored,
  };
}

/** A path parameter that must be there and that no path of the route has refuses every request. */
function unknownParams({ options, source }: AuthoredChain): readonly Issue[] {
  const schema: unknown = options.input?.params;
  const required = isJsonObject(schema) ? schema["required"] : undefined;
  if (!Array.isArray(required)) return [];
  const { route } = options;
  const paths = typeof route === "string" ? [route] : route;
  const captured = new Set(
    paths.flatMap((path) => [...path.matchAll(/\/[:*]([^/]+)/g)].map(([, name = ""]) => name)),
  );
  return required
    .filter((name) => !captured.has(name))
    .map((name) =>
      dslIssue("DSL_CHAIN", `the route's path has no parameter "${name}"`, {
        path: `${PLUGIN_PATH}/input/params`,
        hint:
          captured.size === 0 ? "write /:name in the path" : `it has ${[...captured].join(", ")}`,
        source,
      }),
    );
}

/** In the classic form when that suffices, so that it runs on APISIX too. */
function lower(chain: AuthoredChain, end: AuthoredEnd, target: Target): LoweredChain {
  const classic = toClassic(chain, end, target);
  if ("lowered" in classic) return classic.lowered;
  try {
    const steps = toSteps(chain, end);
    return target === "apisix"
      ? { ...steps, issues: [...steps.issues, ...classic.obstacles.map(refuse)] }
      : steps;
  } catch (error) {
    // A schema that describes no JSON.
    const issue = toIssue(error, PLUGIN_PATH, chain.source);
    if (issue === null) throw error;
    return { conf: {}, issues: [issue], positions: [] };
  }
}

function refuse({ feature, source }: Obstacle): Issue {
  return dslIssue("DSL_TARGET", `the Lua plugin of APISIX knows no ${feature}`, {
    path: PLUGIN_PATH,
    hint: 'leave it out, or compile without the target "apisix"',
    source,
  });
}

/** The rules of the stored form, which hold whether or not the plugin is registered. */
function checkStored(document: JsonObject): readonly Issue[] {
  const plugins = document["plugins"];
  const conf = isJsonObject(plugins) ? plugins["proxy-chain"] : undefined;
  if (!isJsonObject(conf) || !("steps" in conf)) return [];
  return checkChain(conf).issues.map((issue) => ({ ...issue, path: PLUGIN_PATH + issue.path }));
}
