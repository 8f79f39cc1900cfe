import { type OwnPage, textReply } from "@catena/pipeline";
import type { ApiDocument } from "./api-document.ts";

/** The pages of a gateway that the plugin public-api publishes, by path. */
export function createOwnPages(
  document: ApiDocument,
  metrics: () => string,
): (path: string) => OwnPage | null {
  const pages: Readonly<Record<string, OwnPage>> = {
    // Relative, so that the document tells where it was found to be.
    "/openapi.json": async () => ({
      status: 200,
      headers: ["content-type", "application/json"],
      body: await document.text("/"),
      source: "gateway",
    }),
    "/apisix/prometheus/metrics": () =>
      textReply(200, metrics(), "text/plain; version=0.0.4; charset=utf-8"),
  };
  return (path) => (Object.hasOwn(pages, path) ? (pages[path] ?? null) : null);
}
