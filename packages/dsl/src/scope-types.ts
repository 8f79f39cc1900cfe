import type { Static, TSchema } from "@sinclair/typebox";

declare const REFERS: unique symbol;
declare const MISSING: unique symbol;
declare const CONDITION: unique symbol;

type Leaf = string | number | boolean | bigint | null | undefined;

/** What a reference that may be absent says in the editor when a slot needs a value. */
type MayBeMissing = "this value may be missing: wrap it in or(value, default)";

/** Stands for a `T` of run time. Only a type: before that a reference is data. */
export type Refers<T> = RefersTo<T, undefined extends T ? MayBeMissing | "present" : "present">;

/** Apart, because a conditional type within would make `T` invariant. */
interface RefersTo<T, Missing> {
  readonly [REFERS]: T;
  readonly [MISSING]: Missing;
}

type IsAny<T> = 0 extends 1 & T ? true : false;

/**
 * A value that will be a `T` at run time. Its members are references to `T`'s members; those of what
 * may be absent may be absent too.
 */
export type Ref<T> =
  IsAny<T> extends true ? Undescribed : Refers<T> & Members<NonNullable<T>, Gap<T>>;

/** `undefined` when a `T` may be absent or null, so that its members may be absent. */
type Gap<T> = undefined extends T ? undefined : null extends T ? undefined : never;

type Members<N, G> = [N] extends [Leaf]
  ? unknown
  : [N] extends [readonly (infer E)[]]
    ? { readonly [index: number]: Ref<E | undefined> }
    : { readonly [K in keyof N]-?: Ref<N[K] | G> };

/** A comparison or a combination of some: computes to true or false. */
export type Condition = Refers<boolean> & { readonly [CONDITION]: true };

/** What stands in a slot for a `T`: a literal, a reference, or a structure of both. */
export type In<T> =
  | Refers<T>
  | (T extends Leaf
      ? T
      : T extends readonly (infer E)[]
        ? readonly In<E>[]
        : T extends object
          ? { readonly [K in keyof T]: In<T[K]> }
          : T);

/** As above, for a helper that passes over what is absent. */
export type Maybe<T> = In<T | null | undefined>;

/** The type a structure of literals and references has once computed. */
export type Out<V> =
  V extends Refers<infer T>
    ? T
    : V extends Leaf
      ? Widen<V>
      : V extends readonly unknown[]
        ? { -readonly [I in keyof V]: Out<V[I]> }
        : V extends object
          ? { -readonly [K in keyof V]: Out<V[K]> }
          : V;

type Widen<V> = V extends string
  ? string
  : V extends number
    ? number
    : V extends boolean
      ? boolean
      : V;

/** A sentence in the place of a type, for the editor to show. */
export interface ChainError<Sentence extends string> {
  readonly error: Sentence;
}

/** The name of a new step; one that is taken is refused with a sentence. */
export type NewName<N extends string, S> = N extends keyof S
  ? ChainError<`there is already a step "${N}": give this one another name`>
  : N extends ReservedName
    ? ChainError<`"${N}" is reserved: give the step another name`>
    : N;

type ReservedName =
  | "input"
  | "item"
  | "index"
  | "then"
  | "constructor"
  | "prototype"
  | "__proto__"
  | "toJSON"
  | "toString"
  | "valueOf"
  | "hasOwnProperty";

/** Names of the `{placeholders}` of an operation's path. */
export type PathNames<P extends string> = P extends `${string}{${infer N}}${infer R}`
  ? N | PathNames<R>
  : never;

/** Names a route's path captures: `/users/:id` has `id`, `/files/*path` has `path`. */
export type RouteNames<P extends string> = P extends `${string}/:${infer R}`
  ? R extends `${infer N}/${infer Rest}`
    ? N | RouteNames<`/${Rest}`>
    : R
  : P extends `${string}/*${infer N}`
    ? N extends ""
      ? never
      : N
    : never;

/**
 * JSON that no schema describes, and references to it: every member is there, and fits everywhere.
 * The proxy behind them refuses what the types then cannot.
 */
// biome-ignore lint/suspicious/noExplicitAny: what nobody described can be anything.
export type Undescribed = any;

/** A schema's type; undescribed where there is none. */
export type TypeOf<S> = [S] extends [TSchema] ? Static<S> : Undescribed;

/** What `$.input` refers to. */
export interface InputOf<P extends string, D> {
  readonly body: DescribedBy<D, "body", Undescribed>;
  readonly query: DescribedBy<D, "query", Undescribed>;
  readonly params: DescribedBy<D, "params", { readonly [N in RouteNames<P>]: string }>;
  readonly headers: DescribedBy<D, "headers", Readonly<Record<string, string | undefined>>>;
  readonly cookies: Readonly<Record<string, string | undefined>>;
  readonly method: string;
  readonly path: string;
  readonly ip: string;
  readonly id: string;
}

type DescribedBy<D, K extends string, Otherwise> = D extends { readonly [N in K]: infer S }
  ? S extends TSchema
    ? Static<S>
    : Otherwise
  : Otherwise;

/** What a callback gets: the request and the steps before it. */
export type Scope<I, S> = { readonly input: Ref<I> } & S;

/** What a step of no result is in the scope of later ones. */
export interface NoResult {
  readonly none: ChainError<"an exit has no result">;
}

/** A step's entry in the scope of later ones. */
export type StepRef<R> =
  IsAny<R> extends true ? Undescribed : [R] extends [NoResult] ? NoResult : Ref<R>;

/** A step's result after its policies: `skip`, `when` and fallbacks change what later steps see. */
export type ResultOf<R, P> = WithFallbacks<R, P> | (MaySkip<P> extends true ? undefined : never);

type MaySkip<P> = P extends { readonly when: unknown }
  ? true
  : P extends { readonly onError: "skip" }
    ? true
    : P extends { readonly onStatus: infer A }
      ? "skip" extends A[keyof A]
        ? true
        : false
      : false;

type WithFallbacks<R, P> =
  | R
  | (P extends { readonly onError: { readonly fallback: infer F } } ? FallbackOf<R, F> : never)
  | (P extends { readonly onStatus: infer A } ? StatusFallbackOf<R, A[keyof A]> : never);

type StatusFallbackOf<R, A> = A extends { readonly fallback: infer F } ? FallbackOf<R, F> : never;

/** A fallback that fits the result (`[]` for a list) does not widen it. */
type FallbackOf<R, F> = [F] extends [In<NonNullable<R>>] ? never : Out<F>;
