import type { Checked } from "@catena/errors";
import type { Upstream } from "@catena/schema";
import type { UpstreamPlan, UpstreamRuntime } from "@catena/upstream";

interface Held {
  readonly upstream: Upstream;
  readonly compiled: Checked<UpstreamPlan>;
}

/**
 * Upstreams that plugins' configurations hold, compiled once per owner and name: a plan that is made
 * anew for another reason finds them with their balancing and health as they were.
 */
export class PluginUpstreams {
  readonly #runtime: UpstreamRuntime;
  readonly #byOwner = new Map<string, Map<string, Held>>();

  constructor(runtime: UpstreamRuntime) {
    this.#runtime = runtime;
  }

  inline(owner: string, name: string, upstream: Upstream): Checked<UpstreamPlan> {
    let held = this.#byOwner.get(owner);
    if (held === undefined) {
      held = new Map();
      this.#byOwner.set(owner, held);
    }
    const known = held.get(name);
    if (known?.upstream === upstream) return known.compiled;
    const compiled = this.#runtime.compile(runtimeOwner(owner, name), upstream);
    held.set(name, { upstream, compiled });
    return compiled;
  }

  /** The owner changed: what it still holds goes on when it is compiled anew. */
  changed(owner: string): void {
    for (const name of this.#take(owner)) this.#runtime.changed(runtimeOwner(owner, name));
  }

  /** The owner is gone, with all it held. */
  removed(owner: string): void {
    for (const name of this.#take(owner)) this.#runtime.removed(runtimeOwner(owner, name));
  }

  #take(owner: string): readonly string[] {
    const names = [...(this.#byOwner.get(owner)?.keys() ?? [])];
    this.#byOwner.delete(owner);
    return names;
  }
}

/** No resource's name has this sign. */
function runtimeOwner(owner: string, name: string): string {
  return `${owner}#${name}`;
}
