/** Work that can be put aside after every step; what it returns is its result. */
export type Steps<T> = Generator<undefined, T>;

/** Does all of it at once. */
export function runToEnd<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
