import { startEtcd } from "@catena/testkit";
import { describeStore } from "../store.conformance.ts";
import { EtcdStore } from "./etcd-store.ts";

describeStore("etcd", async () => {
  const etcd = await startEtcd();
  return { connect: () => new EtcdStore(etcd.url), stop: () => etcd.stop() };
});
