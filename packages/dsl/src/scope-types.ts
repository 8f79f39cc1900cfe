import type { Static, TSchema } from "@sinclair/typebox";

declare const REFERS: unique symbol;
declare const MISSING: unique symbol;

type Leaf = string | number | boolean | bigint | null | undefined;

/** What a reference that may be absent says in the editor when a slot needs a value. */
type MayBeMissing = "this value may be missing: wrap it in or(value, default)";

/** Both are only types: at run time a reference is data. */
interface Refers<T> {
  readonly [REFERS]: T;
  readonly [MISSING]: undefined extends T ? MayBeMissing | "present" : "present";
}

/** A reference into JSON nobody described: every member is there, and fits everywhere. */
export interface AnyRef {
  // biome-ignore lint/suspicious/noExplicitAny: undescribed JSON fits every slot, as `any` does.
  readonly [REFERS]: any;
  readonly [MISSING]: "present";
  readonly [member: string]: AnyRef;
  readonly [index: number]: AnyRef;
}

type IsAny<T> = 0 extends 1 & T ? true : false;

/**
 * A value that will be a `T` at run time. Its members are references to `T`'s members; those of what
 * may be absent may be absent too.
 */
export type Ref<T> = IsAny<T> extends true ? AnyRef : Refers<T> & Members<NonNullable<T>, T>;

type Members<N, T> = [N] extends [Leaf]
  ? unknown
  : [N] extends [readonly (infer E)[]]
    ? { readonly [index: number]: Ref<E | undefined> }
    : { readonly [K in keyof N]-?: Ref<N[K] | (undefined extends T ? undefined : never)> };

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

type ReservedName = "input" | "item" | "index" | "then" | "constructor" | "prototype" | "__proto__";

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

/** A schema's type; `any` where there is none. */
export type TypeOf<S> = S extends TSchema ? Static<S> : unknown extends S ? Undescribed : never;

// biome-ignore lint/suspicious/noExplicitAny: what nobody described can be anything.
export type Undescribed = any;

/** What `$.input` refers to. */
export interface InputOf<P extends string, B, Q, H> {
  readonly body: B;
  readonly query: Q;
  readonly params: { readonly [N in RouteNames<P>]: string };
  readonly headers: H;
  readonly cookies: Readonly<Record<string, string | undefined>>;
  readonly method: string;
  readonly path: string;
  readonly ip: string;
  readonly id: string;
}

/** What a callback gets: the request and the steps before it. */
export type Scope<I, S> = { readonly input: Ref<I> } & S;

/** As above in an undo, where its own step is known to have succeeded. */
export type UndoScope<I, S, N> = { readonly input: Ref<I> } & {
  readonly [K in keyof S]: K extends N ? Present<S[K]> : S[K];
};

type Present<R> = R extends Refers<infer T> ? Ref<NonNullable<T>> : R;

/** A step's result after its policies: `skip`, `when` and fallbacks change what later steps see. */
export type ResultOf<R, P> = Fallbacks<Skipped<R, P>, P>;

type Skipped<R, P> = P extends { readonly when: unknown }
  ? R | undefined
  : P extends { readonly onError: "skip" }
    ? R | undefined
    : P extends { readonly onStatus: infer S }
      ? "skip" extends S[keyof S]
        ? R | undefined
        : R
      : R;

type Fallbacks<R, P> = P extends { readonly onError: { readonly fallback: infer F } }
  ? WithFallback<R, F>
  : P extends { readonly onStatus: infer S }
    ? S[keyof S] extends infer Action
      ? Action extends { readonly fallback: infer F }
        ? WithFallback<R, F>
        : R
      : R
    : R;

type WithFallback<R, F> = Out<F> extends NonNullable<R> ? R : R | Out<F>;

/** Operands that only make sense when they are there. */
export type Text = In<string>;
export type Num = In<number>;
export type Scalar = In<string | number | boolean>;
