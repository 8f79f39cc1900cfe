/** Makes a URL fit for messages: without user information, query and fragment. */
export function withoutCredentials(url: string): string {
  const place = /^[^?#]*/.exec(url)?.[0] ?? "";
  // Up to the last @: a password may hold one that should have been escaped.
  return url.startsWith("sqlite:") ? url : place.replace(/^([a-z0-9+.-]*:\/\/).*@/is, "$1");
}
