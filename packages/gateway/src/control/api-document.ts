import { openapiSteps, type ServedResource, type Steps } from "@catena/openapi";
import { isJsonObject, type Kind } from "@catena/schema";
import type { Settings } from "../settings/settings.ts";

/** Kinds that decide what a gateway serves, as far as a document tells. */
export const describedKinds: readonly Kind[] = [
  "routes",
  "services",
  "plugin_configs",
  "global_rules",
];

/** How long it is worked on at once, in milliseconds, before requests have their turn again. */
const sliceMs = 4;

/**
 * The OpenAPI document of what is served. It is made when somebody asks for it for the first time after
 * a change, beside requests, and kept until the next one.
 */
export class ApiDocument {
  readonly #hasPathParameters: boolean;
  readonly #documents: (kind: Kind) => Iterable<readonly [id: string, document: unknown]>;
  /** By the server it names; those that are being made too. */
  readonly #texts = new Map<string, Promise<string>>();

  /** @param documents everything of a kind, without its secrets. */
  constructor(
    router: Settings["router"],
    documents: (kind: Kind) => Iterable<readonly [id: string, document: unknown]>,
  ) {
    this.#hasPathParameters = router === "radixtree_uri_with_parameter";
    this.#documents = documents;
  }

  /** Something of {@link describedKinds} changed. */
  forget(): void {
    this.#texts.clear();
  }

  /**
   * @param server base URL of the data plane as whoever asks reaches it; one of few, since a text is
   *   kept for each.
   * @returns the document as of this moment.
   */
  text(server: string): Promise<string> {
    const known = this.#texts.get(server);
    if (known !== undefined) return known;
    const made = this.#make(server);
    this.#texts.set(server, made);
    // One that failed is tried again.
    made.catch(() => {
      if (this.#texts.get(server) === made) this.#texts.delete(server);
    });
    return made;
  }

  async #make(server: string): Promise<string> {
    const hasPathParameters = this.#hasPathParameters;
    const steps = openapiSteps(this.#resources(), { servers: [server], hasPathParameters });
    return JSON.stringify(await runInSlices(steps));
  }

  #resources(): readonly ServedResource[] {
    return describedKinds.flatMap((kind) =>
      [...this.#documents(kind)].flatMap(([id, value]) =>
        isJsonObject(value) ? [{ kind, id, value }] : [],
      ),
    );
  }
}

async function runInSlices<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const until = performance.now() + sliceMs;
    do {
      const step = steps.next();
      if (step.done === true) return step.value;
    } while (performance.now() < until);
    await new Promise(setImmediate);
  }
}
