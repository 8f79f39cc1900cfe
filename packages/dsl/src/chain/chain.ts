import type { Declaration } from "../declaration.ts";
import { declareLater } from "../declaration.ts";
import type { Link } from "../resources.ts";
import type { NewName } from "../scope-types.ts";
import { callerPosition } from "../source-position.ts";
import { UNFINISHED } from "../unfinished.ts";
import type { AuthoredChain, AuthoredEnd } from "./authored-chain.ts";
import { type ChainOptions, splitOptions } from "./chain-options.ts";
import type { ClassicCall } from "./classic-call.ts";
import { toClassic } from "./to-classic.ts";

/**
 * Begins a chain: a route whose requests need several services. Steps are added with `.step`; the
 * chain is complete, and a resource to export, once `.forward` ended it.
 *
 * @example
 * export const checkout = chain({ route: "/v1/checkout", methods: ["POST"] })
 *   .step("customer", { uri: "http://customer_service/api/v1/user" })
 *   .step("payment", { uri: "http://payment_service/api/v1/charge" })
 *   .forward(orders);
 */
export function chain<const P extends string>(options: ChainOptions<P>): Chain<object> {
  const source = callerPosition(chain);
  return new Chain({ options, source, steps: [], issues: [] });
}

/** A chain under construction; every method returns another one and leaves this one as it is. */
export class Chain<S extends object> {
  readonly [UNFINISHED] = true;
  readonly #chain: AuthoredChain;

  constructor(authored: AuthoredChain) {
    this.#chain = authored;
  }

  get source(): AuthoredChain["source"] {
    return this.#chain.source;
  }

  /**
   * Adds a call of the classic form: it is sent what the client sent with all earlier replies merged
   * over it, and its JSON object is merged over that in turn.
   */
  step<const N extends string>(
    name: NewName<N, S>,
    call: ClassicCall,
  ): Chain<S & { readonly [K in N]: unknown }> {
    const source = callerPosition(this.step);
    const authored = this.#chain;
    const added = { name: String(name), source, classic: call };
    return new Chain({ ...authored, steps: [...authored.steps, added] });
  }

  /**
   * Ends the chain: the request goes on to an upstream with the merged object as its body, and the
   * reply of that upstream is the client's.
   *
   * @param upstream left out when the options name one (`service_id`, `upstream`).
   */
  forward(upstream?: Link<"upstreams">): Declaration<"routes"> {
    return finish(this.#chain, { upstream });
  }
}

function finish(authored: AuthoredChain, end: AuthoredEnd): Declaration<"routes"> {
  const { route, plugins } = splitOptions(authored.options);
  return declareLater("routes", authored.options.id, authored.source, (target) => {
    const { conf, issues, positions } = toClassic(authored, target);
    return {
      fields: {
        ...route,
        upstream_id: end.upstream,
        plugins: { ...plugins, "proxy-chain": conf },
      },
      issues: [...authored.issues, ...issues],
      positions,
    };
  });
}
