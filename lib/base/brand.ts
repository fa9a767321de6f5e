/**
 * Nominal types over plain values.
 * @module
 */

declare const brand: unique symbol;

/** A `T` that cannot be mixed with another `T` of a different brand; it costs nothing at run time. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
