/** A node found by discovery. */
export interface FoundNode {
  /** IP address; IPv6 without brackets. */
  readonly address: string;
  /** `null` for the scheme's own. */
  readonly port: number | null;
  readonly weight: number;
  readonly priority: number;
}

/** Finds the nodes of a service by its name. */
export interface Discovery {
  /**
   * Answers at once from its cache, with the same array for as long as nothing changed.
   *
   * @throws UPSTREAM_UNRESOLVED (as a rejection, or thrown while a failure is cached).
   */
  nodes(serviceName: string): readonly FoundNode[] | Promise<readonly FoundNode[]>;
}
