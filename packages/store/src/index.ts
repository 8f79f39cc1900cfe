export { storeErrors } from "./errors.ts";
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
