import type { PartialSettings } from "@catena/gateway";
import { type GatewayBed, startGatewayBed, until } from "./gateway-bed.ts";
import type { Service } from "./service.ts";
import { shop } from "./tls-certificates.ts";

/** A route of everything under a URI to a service. */
export const routeTo = (service: Service, uri: string, more: object = {}): object => ({
  uri,
  upstream: { type: "roundrobin", nodes: { [service.node]: 1 } },
  ...more,
});

/** Where a gateway listens over TLS; 0 while it does not. */
export const tlsPortOf = (bed: GatewayBed): number => bed.gateway.status().tls?.port ?? 0;

/** Starts a gateway that has routes and the certificate of shop.test, and waits until it listens over TLS. */
export async function startTlsBed(
  storeUrl: string,
  routes: Readonly<Record<string, unknown>>,
  settings: PartialSettings = {},
): Promise<GatewayBed> {
  const bed = await startGatewayBed({ storeUrl, settings });
  await bed.put({
    "ssls/shop": { sni: "shop.test", cert: shop.certificate, key: shop.key },
    ...routes,
  });
  await until(() => tlsPortOf(bed) > 0);
  return bed;
}
