/**
 * Nominal types over plain values.
 * @module
 */

/** Names the property that a branded type has beyond its values, which do not have it. */
export declare const brand: unique symbol;

/** A `T` that cannot be mixed with another `T` of a different brand; it costs nothing at run time. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
