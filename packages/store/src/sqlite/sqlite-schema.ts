/** Marks the file as ours in the SQLite header (offset 68): "Ctna". */
export const applicationId = 0x43_74_6e_61;
export const schemaVersion = 1;

/**
 * `store` is the sentinel: one row that names the store and counts its revisions. A file without it
 * is not a store, however valid it is as a database.
 *
 * `changes` is the log watchers replay; a NULL value is a delete. Rows up to `compacted_revision` were
 * dropped from it.
 */
export const schemaSql = `
CREATE TABLE store (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  store_id TEXT NOT NULL,
  revision INTEGER NOT NULL,
  compacted_revision INTEGER NOT NULL,
  log_changes INTEGER NOT NULL,
  log_bytes INTEGER NOT NULL
) STRICT;
CREATE TABLE entries (
  key TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL,
  create_revision INTEGER NOT NULL,
  mod_revision INTEGER NOT NULL,
  expires_at_ms INTEGER
) STRICT;
CREATE INDEX entries_expiry ON entries (expires_at_ms) WHERE expires_at_ms IS NOT NULL;
CREATE TABLE changes (
  id INTEGER PRIMARY KEY,
  revision INTEGER NOT NULL,
  key TEXT NOT NULL,
  value TEXT,
  create_revision INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX changes_revision ON changes (revision);
`;
