export { type DnsRecord, type DnsServer, startDnsServer } from "./dns-server.ts";
export { type EtcdServer, type EtcdServerOptions, startEtcd } from "./etcd-server.ts";
export { freePort } from "./free-port.ts";
export {
  type RawPeer,
  type RawRequest,
  type RawServer,
  type RawServerOptions,
  startRawServer,
} from "./raw-server.ts";
export {
  type ReplyVerdict,
  startTcpProxy,
  type TcpProxy,
  type TcpProxyOptions,
} from "./tcp-proxy.ts";
