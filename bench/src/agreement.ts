import type { ContestantName } from "./contestants/contestant.ts";
import type { Answer } from "./load/request-once.ts";

export interface NamedAnswer {
  readonly contestant: ContestantName;
  readonly answer: Answer;
}

/**
 * Compares what all contestants said to the same request. Bodies are compared as JSON values when they
 * are JSON (key order and spacing are each implementation's own), else byte for byte.
 *
 * @returns one sentence per contestant that differs from the first, or that did not answer 2xx.
 */
export function findDisagreements(answers: readonly NamedAnswer[]): readonly string[] {
  const found: string[] = [];
  const [first] = answers;
  for (const { contestant, answer } of answers) {
    if (answer.status < 200 || answer.status > 299) {
      found.push(`${contestant} answered ${answer.status}: ${answer.body.slice(0, 200)}`);
    } else if (first !== undefined && !isSameBody(first.answer.body, answer.body)) {
      found.push(
        `${contestant} answered ${excerpt(answer.body)} where ${first.contestant} answered ${excerpt(first.answer.body)}`,
      );
    }
  }
  return found;
}

function isSameBody(a: string, b: string): boolean {
  if (a === b) return true;
  const [left, right] = [parseJson(a), parseJson(b)];
  return left !== null && right !== null && Bun.deepEquals(left, right, true);
}

/** `null` also for the JSON text `null`, which no scenario answers with. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function excerpt(body: string): string {
  return body.length > 160 ? `${body.slice(0, 160)}… (${body.length} characters)` : body;
}
