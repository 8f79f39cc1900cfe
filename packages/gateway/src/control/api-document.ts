import { openapi, type ServedResource } from "@catena/openapi";
import { isJsonObject, type Kind } from "@catena/schema";
import type { Settings } from "../settings/settings.ts";

/** Kinds that decide what a gateway serves, as far as a document tells. */
export const describedKinds: readonly Kind[] = [
  "routes",
  "services",
  "plugin_configs",
  "global_rules",
];

/**
 * The OpenAPI document of what is served. It is made when somebody asks for it for the first time after
 * a change, and kept until the next one.
 */
export class ApiDocument {
  readonly #hasPathParameters: boolean;
  readonly #documents: (kind: Kind) => Iterable<readonly [id: string, document: unknown]>;
  /** By the server it names. */
  readonly #texts = new Map<string, string>();

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
   */
  text(server: string): string {
    const known = this.#texts.get(server);
    if (known !== undefined) return known;
    const hasPathParameters = this.#hasPathParameters;
    const document = openapi(this.#resources(), { servers: [server], hasPathParameters });
    const text = JSON.stringify(document);
    this.#texts.set(server, text);
    return text;
  }

  #resources(): readonly ServedResource[] {
    return describedKinds.flatMap((kind) =>
      [...this.#documents(kind)].flatMap(([id, value]) =>
        isJsonObject(value) ? [{ kind, id, value }] : [],
      ),
    );
  }
}
