export { type EtcdServer, type EtcdServerOptions, startEtcd } from "./etcd-server.ts";
export { freePort } from "./free-port.ts";
export {
  type ReplyVerdict,
  startTcpProxy,
  type TcpProxy,
  type TcpProxyOptions,
} from "./tcp-proxy.ts";
