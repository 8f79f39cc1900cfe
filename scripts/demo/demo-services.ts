import { customerApp } from "./customer.ts";
import { type DemoApp, type DemoCall, type RunningService, serveDemo } from "./demo-service.ts";
import { inventoryApp } from "./inventory.ts";
import { orderApp } from "./order.ts";
import { paymentApp } from "./payment.ts";

/** The demo services in the order checkout calls them, each with what makes it. */
const makers = {
  customer: customerApp,
  payment: paymentApp,
  inventory: inventoryApp,
  order: orderApp,
} as const satisfies Readonly<Record<string, () => DemoApp>>;

type DemoName = keyof typeof makers;

/** As `configs/` names a service's host. */
function hostOf(name: string): string {
  return `${name}_service`;
}

export interface DemoServices {
  readonly services: readonly RunningService[];
  /** `customer_service=127.0.0.1:PORT,…`, as CATENA_RESOLVER_HOSTS takes it. */
  readonly hosts: string;
  stop(): Promise<void>;
}

/** Starts all demo services in this process; ports that are not given are free ones. */
export function startDemoServices(
  onCall: (call: DemoCall) => void,
  ports: Readonly<Partial<Record<DemoName, number>>> = {},
): DemoServices {
  const services: RunningService[] = [];
  for (const [name, make] of Object.entries(makers)) {
    // The keys of `makers` are what DemoName is.
    const port = ports[name as DemoName] ?? 0;
    services.push(serveDemo({ name, app: make(), port, onCall }));
  }
  return {
    services,
    hosts: services.map(({ name, address }) => `${hostOf(name)}=${address}`).join(","),
    stop: async () => {
      await Promise.all(services.map((service) => service.stop()));
    },
  };
}
