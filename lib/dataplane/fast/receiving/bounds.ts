/**
 * How much memory receiving takes in an engine's own. Whoever lays that out needs nothing else of this folder.
 * @module
 */

/** Where the datagrams of a handed-over batch begin. */
export const HANDED_DATAGRAMS_AT = 64;
/** The longest batch of datagrams, in bytes. */
export const MAX_HANDED_BYTES = 65_536;
/** How much room one takes. */
export const HANDED_ROOM_BYTES: number = HANDED_DATAGRAMS_AT + MAX_HANDED_BYTES;
