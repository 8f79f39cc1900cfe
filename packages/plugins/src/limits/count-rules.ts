import type { Checked } from "@catena/errors";
import { checkHeaderName } from "../headers/reserved-headers.ts";
import { compileLimitKey, compileRuleKey, type KeyType, type RuleKey } from "./limit-key.ts";
import { compileNumber, type RequestNumber } from "./request-number.ts";

/** One limit; `key` gives `null` when the rule does not apply to a request. */
export interface CountRule {
  readonly limit: RequestNumber;
  readonly windowSeconds: RequestNumber;
  readonly key: RuleKey;
  /** Put before `RateLimit-` in the names of the headers; `null` for the only limit. */
  readonly prefix: string | null;
}

/** What of a configuration says how requests are counted. */
interface CountConf {
  readonly count?: number | string;
  readonly time_window?: number | string;
  readonly key?: string;
  readonly key_type?: KeyType;
  readonly rules?: readonly {
    readonly count: number | string;
    readonly time_window: number | string;
    readonly key: string;
    readonly header_prefix?: string;
  }[];
}

/** Compiles the only limit, or each of several; issues have paths into the configuration. */
export function compileCountRules(conf: CountConf): Checked<readonly CountRule[]> {
  const { count, time_window, rules } = conf;
  if (rules === undefined) {
    const key = compileLimitKey(conf.key ?? "remote_addr", conf.key_type ?? "var");
    // The schema lets a configuration without rules through only with both.
    return toRules([compileRule(count ?? 0, time_window ?? 0, key, "", null)]);
  }
  return toRules(
    rules.map((rule, index) =>
      compileRule(
        rule.count,
        rule.time_window,
        compileRuleKey(rule.key),
        `/rules/${index}`,
        rule.header_prefix ?? String(index + 1),
      ),
    ),
  );
}

function compileRule(
  count: number | string,
  timeWindow: number | string,
  key: Checked<RuleKey>,
  path: string,
  prefix: string | null,
): Checked<CountRule> {
  const limit = compileNumber(count, "/count");
  const window = compileNumber(timeWindow, "/time_window");
  const issues = [
    ...limit.issues,
    ...window.issues,
    ...key.issues,
    ...(prefix === null ? [] : checkHeaderName(`X-${prefix}`, "/header_prefix")),
  ].map((issue) => ({ ...issue, path: path + issue.path }));
  if (
    issues.length > 0 ||
    limit.value === undefined ||
    window.value === undefined ||
    key.value === undefined
  ) {
    return { issues };
  }
  return {
    value: { limit: limit.value, windowSeconds: window.value, key: key.value, prefix },
    issues,
  };
}

function toRules(compiled: readonly Checked<CountRule>[]): Checked<readonly CountRule[]> {
  const issues = compiled.flatMap((rule) => rule.issues);
  const rules = compiled.flatMap(({ value }) => (value === undefined ? [] : [value]));
  return issues.length > 0 ? { issues } : { value: rules, issues };
}
