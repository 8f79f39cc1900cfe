/** Why something that was accepted can't be served, for `/status`. */
export interface Fault {
  /** `routes/1` */
  readonly resource: string;
  readonly reason: string;
}

/** The faults found while compiling, until their resource is compiled anew. */
export class FaultList {
  readonly #byResource = new Map<string, Map<string, string>>();

  /** @param part what of the resource is at fault: a plugin's name, or `upstream`. */
  note(resource: string, part: string, reason: string): void {
    let parts = this.#byResource.get(resource);
    if (parts === undefined) {
      parts = new Map();
      this.#byResource.set(resource, parts);
    }
    parts.set(part, reason);
  }

  forget(resource: string): void {
    this.#byResource.delete(resource);
  }

  *[Symbol.iterator](): IterableIterator<Fault> {
    for (const [resource, parts] of this.#byResource) {
      for (const [part, reason] of parts) yield { resource, reason: `${part}: ${reason}` };
    }
  }
}
