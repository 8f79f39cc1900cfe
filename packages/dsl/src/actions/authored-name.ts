/** Members of a stored step that the DSL has another word for. */
const WORDS: Readonly<Record<string, string>> = {
  on_error: "onError",
  on_status: "onStatus",
  max_bytes: "maxBytes",
  idempotency_key: "idempotencyKey",
  upstream_id: "upstream",
  allowed_hosts: "allowedHosts",
  send_body: "sendBody",
};

/** The author's word for a member of a stored step. */
export function authoredName(stored: string): string {
  return WORDS[stored] ?? stored;
}
