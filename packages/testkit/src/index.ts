export { type DnsRecord, type DnsServer, startDnsServer } from "./dns-server.ts";
export { type EtcdServer, type EtcdServerOptions, startEtcd } from "./etcd-server.ts";
export { freePort } from "./free-port.ts";
export {
  connectH2Peer,
  type H2Peer,
  type H2PeerClient,
  type H2PeerOptions,
  type H2PeerServer,
  type SeenFrame,
  startH2Peer,
} from "./h2-peer.ts";
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
