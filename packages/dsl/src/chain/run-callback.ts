import type { Issue, SourcePosition } from "@catena/errors";
import { type Action, type AuthoredAction, authoredAction, isAction } from "../actions/action.ts";
import { dslErrors, toIssue } from "../errors.ts";

/** What a callback gave, or the issue its mistake is. */
export type CallbackResult<T> =
  | { readonly value: T; readonly issue?: undefined }
  | { readonly value?: undefined; readonly issue: Issue };

/**
 * Runs a callback at build. A mistake of the DSL becomes an issue, so that all of a config's are
 * seen at once; any other error is the config's own and goes on.
 *
 * @param source where to say it is when the error does not know.
 */
export function runCallback<T>(
  source: SourcePosition | undefined,
  place: string,
  callback: () => T,
): CallbackResult<T> {
  try {
    return { value: callback() };
  } catch (error) {
    const issue = toIssue(error, "", source);
    if (issue === null) throw error;
    return { issue: { ...issue, message: `${place}: ${issue.message}` } };
  }
}

/** What a step's callback returned, when it is what a step can do. */
export function toAction(returned: Action<unknown>): AuthoredAction {
  if (isAction(returned)) return authoredAction(returned);
  const isPromise = Object(returned) instanceof Promise;
  throw dslErrors.DSL_ARGUMENT({
    what: isPromise ? "the callback is async" : "the callback returns nothing a step can do",
    hint: isPromise
      ? "it runs once, when the config is compiled; write what happens per request with call(…)"
      : "return call(…), each(…), choose(…), value(…), sub(…) or exit(…)",
    source: undefined,
  });
}
