import fc, { type Arbitrary } from "fast-check";

/** `fc.gen()`'s function: draws a value. */
export type Draw = <T>(make: () => Arbitrary<T>) => T;

/** Decides at random, in ways that fast-check can repeat and shrink. */
export class Dice {
  readonly draw: Draw;

  constructor(draw: Draw) {
    this.draw = draw;
  }

  /** Members in their order, without those that are `undefined`. */
  members<T extends object>(members: { [K in keyof T]: T[K] | undefined }): T {
    // What is left out was undefined, which the type of T leaves out too.
    return Object.fromEntries(
      Object.entries(members).filter(([, member]) => member !== undefined),
    ) as T;
  }

  /** Some of the members, or none. */
  some<T extends object>(members: T): Partial<T> {
    // A part of the members of T is a partial T.
    return Object.fromEntries(Object.entries(members).filter(() => this.bool())) as Partial<T>;
  }

  maybe<T>(make: () => T): T | undefined {
    return this.int(0, 2) === 0 ? make() : undefined;
  }

  of<T>(...choices: readonly T[]): T {
    return this.draw(() => fc.constantFrom(...choices));
  }

  bool(): boolean {
    return this.draw(() => fc.boolean());
  }

  int(min: number, max: number): number {
    return this.draw(() => fc.integer({ min, max }));
  }
}
