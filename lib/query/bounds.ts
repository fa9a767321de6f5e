/**
 * The bounds of a query: whoever asks can make it neither long to read nor deep to walk.
 * @module
 */

/** The longest text of a query, in UTF-16 units. */
export const MAX_QUERY_LENGTH = 16_384;
/** How deep parentheses and `not` may nest. */
export const MAX_CONDITION_DEPTH = 64;
/** How many comparisons a `where` or a `having` may hold. */
export const MAX_CONDITIONS = 256;
/** How many values a list of `in` may hold, also one that is bound as a parameter. */
export const MAX_LIST_LENGTH = 1_000;
/** How many values all comparisons of a query may hold together, those of bound lists included. */
export const MAX_VALUES = 4_096;
/** How many columns `select`, `group-by` or `sort-by` may name. */
export const MAX_COLUMNS = 64;
/** How many names a property may have, as in `customer.address.city`. */
export const MAX_PATH_DEPTH = 16;
/** The longest name of a property, a collection or a parameter, in UTF-16 units. */
export const MAX_NAME_LENGTH = 256;
/** How many wildcards a pattern may hold. */
export const MAX_WILDCARDS = 8;
/** The longest text that a pattern may hold beside its wildcards, in UTF-16 units. */
export const MAX_PATTERN_LENGTH = 1_024;
/** How many rows from the first a query may reach: limit times page. */
export const MAX_WINDOW_ROWS = 1_000_000;
/** How many groups `group-by` may make. */
export const MAX_GROUPS = 100_000;
