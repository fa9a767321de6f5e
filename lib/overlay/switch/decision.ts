/**
 * What a part of the switch says of a frame; what is not below is why it is dropped, a number of `DROPPED`.
 * @module
 */

/** It goes on. */
export const PASS = -1;
/** The switch has answered it. */
export const ANSWERED = -2;
