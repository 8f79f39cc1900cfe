/**
 * `bun scripts/demo/main.ts [PORT]`: the four demo services on PORT and the three after it (free
 * ports without one), with a line per call, until Ctrl-C.
 */
import { formatCall } from "./demo-service.ts";
import { startDemoServices } from "./demo-services.ts";

const first = Number(process.argv[2] ?? 0);
if (!Number.isInteger(first) || first < 0 || first > 65_532) {
  console.error(`"${process.argv[2]}" is not a port`);
  process.exit(1);
}
const port = (offset: number) => (first === 0 ? 0 : first + offset);
const demo = startDemoServices((call) => console.log(formatCall(call)), {
  customer: port(0),
  payment: port(1),
  inventory: port(2),
  order: port(3),
});
for (const { name, address } of demo.services) console.log(`${name.padEnd(9)} http://${address}`);
console.log(`CATENA_RESOLVER_HOSTS=${demo.hosts}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    await demo.stop();
    process.exit(0);
  });
}
