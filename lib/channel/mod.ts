/**
 * A private, authenticated channel between two nodes over a byte stream: Noise_IKpsk2 with the prologue
 * `weft channel v1`, then sealed records that carry envelopes.
 *
 * @module
 */

export * from "./drop_reason.ts";
export * from "./errors.ts";
