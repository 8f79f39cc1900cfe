import type { ClassicService } from "@catena/schema";
import type { Link } from "../resources.ts";

/**
 * A step of the classic form: it sends the client's JSON object with query arguments and all earlier
 * replies merged over it, and its own reply is merged over that.
 */
export interface ClassicCall {
  /** Absolute http or https URL. */
  readonly uri: string;
  /** Default POST. */
  readonly method?: NonNullable<ClassicService["method"]>;
  /** Milliseconds for the call; default 6000. */
  readonly timeout?: number;
  /** Whether the merged object is sent; by default only with POST and PUT. */
  readonly sendBody?: boolean;
  /** Takes the nodes from this upstream in place of the URI's host. */
  readonly upstream_id?: Link<"upstreams">;
}
