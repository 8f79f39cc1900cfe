export { storeErrors } from "./errors.ts";
export type { EtcdStoreOptions } from "./etcd/etcd-store.ts";
export { type OpenStoreOptions, openStore } from "./open-store.ts";
export type { SqliteStoreOptions } from "./sqlite/sqlite-store.ts";
export type { StagedItem, StagedSet } from "./staged/staged-format.ts";
export { readStaged, type StagedList, StagedWatch } from "./staged/staged-view.ts";
export { finishStaged, type StagedResult, transactStaged } from "./staged/transact-staged.ts";
export type {
  Change,
  Comparison,
  ConfigStore,
  Operation,
  ResetReason,
  StoreEntry,
  StoreList,
  StoreWatch,
  Transaction,
  TransactionResult,
  WatchHandler,
  WatchState,
} from "./store.ts";
