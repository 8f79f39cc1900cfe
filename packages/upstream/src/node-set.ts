import type { Balancer } from "./balancers/balancer.ts";
import type { HealthChecker } from "./health/health-checker.ts";
import type { Node } from "./node.ts";

/** Nodes, what chooses among them, and what watches over them. */
export interface NodeSet {
  readonly nodes: readonly Node[];
  readonly balancer: Balancer;
  /** `null` without health checks. */
  readonly checker: HealthChecker | null;
}
