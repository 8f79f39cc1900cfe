import type { In, Out, Ref, Refers, Undescribed } from "../scope-types.ts";
import { toStored } from "../to-stored.ts";
import { refer, referStored } from "./refer.ts";

/** Absent in, absent out. */
type Absent<T> = undefined extends T ? undefined : null extends T ? undefined : never;

/** An object with only the named members of another. */
export function pick<
  T = Undescribed,
  const K extends keyof NonNullable<T> & string = keyof NonNullable<T> & string,
>(object: Refers<T>, ...names: readonly K[]): Ref<Pick<NonNullable<T>, K> | Absent<T>> {
  return referStored("pick", [toStored(object), names]);
}

/** An object without the named members. */
export function omit<
  T = Undescribed,
  const K extends keyof NonNullable<T> & string = keyof NonNullable<T> & string,
>(object: Refers<T>, ...names: readonly K[]): Ref<Omit<NonNullable<T>, K> | Absent<T>> {
  return referStored("omit", [toStored(object), names]);
}

/** `error-on-collision` makes a member that two of the objects have an error of the request. */
export type MergeMode = "shallow" | "deep" | "error-on-collision";

/**
 * The members of all objects, later ones winning; absent ones are passed over.
 *
 * @param mode default `shallow`; with `deep`, members that are objects are merged in turn.
 *
 * @example
 * merge($.user, { seen: now() })
 * merge("error-on-collision", $.user, $.account)
 */
export function merge<const A extends readonly object[]>(
  mode: MergeMode,
  ...objects: A
): Ref<MergeOf<A>>;
export function merge<const A extends readonly object[]>(...objects: A): Ref<MergeOf<A>>;
export function merge(...args: readonly unknown[]): unknown {
  const [first, ...rest] = args;
  return typeof first === "string"
    ? refer("merge", first, ...rest)
    : refer("merge", "shallow", ...args);
}

type MergeOf<A> = A extends readonly [infer Only]
  ? NonNullable<Out<Only>>
  : A extends readonly [...infer Before, infer Last]
    ? Over<MergeOf<Before>, Out<Last>>
    : object;

type Over<A, B> = undefined extends B
  ? Omit<A, keyof NonNullable<B>> &
      Partial<NonNullable<B>> &
      Partial<Pick<A, keyof A & keyof NonNullable<B>>>
  : Omit<A, keyof B> & B;

/** The names of an object's members. */
export function keys(object: Refers<object>): Ref<string[]> {
  return refer("keys", object);
}

/**
 * An object whose names are computed: `object([[$.user.id, 1], ["b", 2]])`.
 *
 * @param members names and values; a value that is absent leaves its member out.
 */
export function object<const M extends readonly (readonly [name: In<string>, value: unknown])[]>(
  members: M,
): Ref<Record<string, Out<M[number][1]>>> {
  return refer("object", ...members.flat());
}
