/**
 * How a batch that another worker has received lies in the memory of the first one's cipher. Threads that receive nothing
 * lay that memory out as well, and load no more than this.
 * @module
 */

/** Where the datagrams of a handed-over batch begin. */
export const HANDED_DATAGRAMS_AT = 64;
/** The longest batch of datagrams, in bytes. */
export const MAX_HANDED_BYTES = 65_536;
/** How much room one takes. */
export const HANDED_ROOM_BYTES: number = HANDED_DATAGRAMS_AT + MAX_HANDED_BYTES;
