import {
  type GatewayReply,
  type PluginServices,
  type RequestContext,
  statusReply,
} from "@catena/pipeline";
import type { JsonObject } from "@catena/schema";
import { checkHeaderName } from "../headers/reserved-headers.ts";
import type { CountRule } from "./count-rules.ts";
import { rejection } from "./limit-policy.ts";
import { readNumber } from "./request-number.ts";
import type { WindowCounters } from "./window-counters.ts";

/** Names of the headers, which the metadata of limit-count may replace. */
export const defaultNames = {
  limit_header: "X-RateLimit-Limit",
  remaining_header: "X-RateLimit-Remaining",
  reset_header: "X-RateLimit-Reset",
};

interface LimiterConf {
  readonly window_type?: "fixed" | "sliding";
  readonly show_limit_quota_header?: boolean;
  readonly allow_degradation?: boolean;
  readonly rejected_code?: number;
  readonly rejected_msg?: string;
}

interface HeaderNames {
  readonly limit: string;
  readonly remaining: string;
  readonly reset: string;
}

/** The last numbers of a rule in words: most requests are told the same but for what remains. */
interface Words {
  limit: number;
  limitText: string;
  /** Hundredths of a second, which is how finely clients are told. */
  reset: number;
  resetText: string;
}

/** Counts requests by the rules of one configuration, and tells clients what is left. */
export class CountLimiter {
  readonly #conf: LimiterConf;
  readonly #rules: readonly CountRule[];
  readonly #counters: readonly WindowCounters[];
  readonly #services: PluginServices;
  readonly #showsHeaders: boolean;
  readonly #isSliding: boolean;
  #namesFrom: JsonObject | null;
  #names: readonly HeaderNames[];
  readonly #words: readonly Words[];

  constructor(
    conf: LimiterConf,
    rules: readonly CountRule[],
    counters: readonly WindowCounters[],
    services: PluginServices,
  ) {
    this.#conf = conf;
    this.#rules = rules;
    this.#counters = counters;
    this.#services = services;
    this.#showsHeaders = conf.show_limit_quota_header ?? true;
    this.#isSliding = conf.window_type === "sliding";
    this.#namesFrom = null;
    this.#names = rules.map((rule) => headerNames(rule, null));
    this.#words = rules.map(() => ({ limit: 0, limitText: "0", reset: 0, resetText: "0" }));
  }

  count(ctx: RequestContext): GatewayReply | undefined {
    let applied = 0;
    for (let i = 0; i < this.#rules.length; i++) {
      // The bound makes rule and counters present.
      const rule = this.#rules[i] as CountRule;
      const key = rule.key(ctx);
      if (key === null) continue;
      const limit = readNumber(rule.limit, ctx, 1);
      const window = readNumber(rule.windowSeconds, ctx, 1);
      if (limit === null || window === null) return this.#degrade("a limit is no whole number");
      applied++;
      const counters = this.#counters[i] as WindowCounters;
      const count = counters.count(key, limit, window * 1000, performance.now());
      if (this.#showsHeaders) this.#showQuota(ctx, i, limit, count.remaining, count.resetMs);
      if (!count.accepted) return rejection(this.#conf);
    }
    return applied === 0 ? this.#degrade("no rule applies") : undefined;
  }

  #showQuota(
    ctx: RequestContext,
    rule: number,
    limit: number,
    remaining: number,
    resetMs: number,
  ): void {
    // One set of names and words per rule.
    const names = this.#currentNames()[rule] as HeaderNames;
    const words = this.#words[rule] as Words;
    if (words.limit !== limit) {
      words.limit = limit;
      words.limitText = String(limit);
    }
    const hundredths = this.#isSliding ? Math.ceil(resetMs / 10) : Math.floor(resetMs / 10);
    if (words.reset !== hundredths) {
      words.reset = hundredths;
      words.resetText = String(hundredths / 100);
    }
    ctx.setReplyHeader(names.limit, words.limitText);
    ctx.setReplyHeader(names.remaining, String(remaining));
    ctx.setReplyHeader(names.reset, words.resetText);
  }

  #currentNames(): readonly HeaderNames[] {
    const metadata = this.#services.metadata("limit-count");
    if (metadata !== this.#namesFrom) {
      this.#namesFrom = metadata;
      this.#names = this.#rules.map((rule) => headerNames(rule, metadata));
    }
    return this.#names;
  }

  #degrade(reason: string): GatewayReply | undefined {
    const { log, owner } = this.#services;
    log.error("requests can't be counted", { plugin: "limit-count", owner, reason });
    if (this.#conf.allow_degradation === true) return undefined;
    return statusReply(500);
  }
}

function headerNames({ prefix }: CountRule, metadata: JsonObject | null): HeaderNames {
  const name = (member: keyof typeof defaultNames): string => {
    const given = metadata?.[member];
    const isName = typeof given === "string" && checkHeaderName(given, "").length === 0;
    const base = isName ? given : defaultNames[member];
    return prefix === null ? base : base.replace("RateLimit-", () => `${prefix}-RateLimit-`);
  };
  return {
    limit: name("limit_header"),
    remaining: name("remaining_header"),
    reset: name("reset_header"),
  };
}
