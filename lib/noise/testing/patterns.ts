/**
 * The other interactive patterns (Noise specification §7.5): what the published vectors check, and nothing of weft speaks.
 * @module
 */

import { type HandshakePattern, pattern } from "../patterns.ts";

export { IK } from "../patterns.ts";
/** Neither side has a static key. */
export const NN: HandshakePattern = pattern("NN", "", "e", "e ee");
/** The responder's static key is known. */
export const NK: HandshakePattern = pattern("NK", "r", "e es", "e ee");
/** The responder sends its static key. */
export const NX: HandshakePattern = pattern("NX", "", "e", "e ee s es");
/** The initiator's static key is known. */
export const KN: HandshakePattern = pattern("KN", "i", "e", "e ee se");
/** Both static keys are known. */
export const KK: HandshakePattern = pattern("KK", "ir", "e es ss", "e ee se");
/** The initiator's is known, the responder sends its own. */
export const KX: HandshakePattern = pattern("KX", "i", "e", "e ee se s es");
/** The initiator sends its static key last. */
export const XN: HandshakePattern = pattern("XN", "", "e", "e ee", "s se");
/** The responder's is known, the initiator sends its own last. */
export const XK: HandshakePattern = pattern("XK", "r", "e es", "e ee", "s se");
/** Both send their static keys, encrypted. */
export const XX: HandshakePattern = pattern("XX", "", "e", "e ee s es", "s se");
/** The initiator sends its static key at once, in the clear. */
export const IN: HandshakePattern = pattern("IN", "", "e s", "e ee se");
/** The initiator sends its static key in the clear, the responder sends its own. */
export const IX: HandshakePattern = pattern("IX", "", "e s", "e ee se s es");
