import type { ConfigStore } from "@catena/store";
import type { UndoRecord } from "./undo-record.ts";

/** Beside APISIX's own keys, where nothing else reads. */
export const UNDO_PREFIX = "/catena/undo/";

/** Keeps undo records so that they outlive the process. */
export interface UndoLog {
  /** Resolves when the record is kept. @throws what the store throws */
  put(record: UndoRecord): Promise<void>;
  /** Resolves when the record is gone. @throws what the store throws */
  remove(id: string): Promise<void>;
}

/** Keeps undo records in a store, one key `/catena/undo/ID` each. */
export function createUndoLog(store: ConfigStore): UndoLog {
  return {
    put: async (record) => {
      const value = JSON.stringify(record);
      await store.transact({
        comparisons: [],
        operations: [{ kind: "put", key: UNDO_PREFIX + record.id, value }],
      });
    },
    remove: async (id) => {
      await store.transact({
        comparisons: [],
        operations: [{ kind: "delete", key: UNDO_PREFIX + id }],
      });
    },
  };
}
