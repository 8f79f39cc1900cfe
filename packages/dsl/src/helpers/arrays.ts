import type { Maybe, Ref, Refers, Undescribed } from "../scope-types.ts";
import { refer } from "./refer.ts";

/** The items of all lists in one; absent ones are passed over. */
export function concat<T = Undescribed>(
  ...lists: readonly Maybe<readonly T[]>[]
): Ref<NoInfer<T>[]> {
  return refer("concat", ...lists);
}

/** How many items, members or characters a list, an object or a string has. */
export function length(of: string | Refers<string | object>): Ref<number> {
  return refer("length", of);
}

/** A list's first item; missing when it is empty. */
export function first<T = Undescribed>(list: Refers<readonly T[]>): Ref<NoInfer<T> | undefined> {
  return refer("first", list);
}

/** A list's last item; missing when it is empty. */
export function last<T = Undescribed>(list: Refers<readonly T[]>): Ref<NoInfer<T> | undefined> {
  return refer("last", list);
}
