export type {
  ClassicChain as ProxyChainClassic,
  ClassicService as ClassicServiceConf,
} from "@catena/schema";
