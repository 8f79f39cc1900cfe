import type { Issue, SourcePosition } from "@catena/errors";
import type { Link } from "../resources.ts";
import type { ChainOptions } from "./chain-options.ts";
import type { ClassicCall } from "./classic-call.ts";

/** What a chain's builder has gathered: data, not yet in a stored form. */
export interface AuthoredChain {
  readonly options: ChainOptions<string>;
  /** Where `chain()` was called. */
  readonly source: SourcePosition | undefined;
  readonly steps: readonly AuthoredStep[];
  /** What the callbacks did wrong. */
  readonly issues: readonly Issue[];
}

export interface AuthoredStep {
  readonly name: string;
  /** Where `step()` was called. */
  readonly source: SourcePosition | undefined;
  readonly classic: ClassicCall;
}

/** How a chain ends. */
export interface AuthoredEnd {
  /** Where the request goes on to; `undefined` when the route's own fields say. */
  readonly upstream: Link<"upstreams"> | undefined;
}
