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

/** Keeps texts by key beyond the process; a change that resolved is kept. */
export interface UndoRecords {
  put(key: string, value: string): Promise<void>;
  remove(key: string): Promise<void>;
}

/** Keeps undo records, one key `/catena/undo/ID` each. */
export function createUndoLog(records: UndoRecords): UndoLog {
  return {
    put: (record) => records.put(UNDO_PREFIX + record.id, JSON.stringify(record)),
    remove: (id) => records.remove(UNDO_PREFIX + id),
  };
}

/** Keeps texts in the store where the configuration is. */
export function recordsIn(store: Pick<ConfigStore, "transact">): UndoRecords {
  return {
    put: async (key, value) => {
      await store.transact({ comparisons: [], operations: [{ kind: "put", key, value }] });
    },
    remove: async (key) => {
      await store.transact({ comparisons: [], operations: [{ kind: "delete", key }] });
    },
  };
}
