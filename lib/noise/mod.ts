/**
 * The Noise protocol framework, revision 34, over X25519, ChaCha20-Poly1305 and BLAKE2s. WireGuard's handshake and
 * weft's channels are the pattern IKpsk2 with different prologues.
 *
 * ```
 *   IKpsk2:   <- s                     the responder's key is known
 *             ...
 *             -> e, es, s, ss          payload 1
 *             <- e, ee, se, psk        payload 2
 * ```
 *
 * It knows neither of its users, sends nothing and keeps no time.
 * @module
 */

export * from "./cipher_state.ts";
export * from "./handshake_state.ts";
export * from "./patterns.ts";
export * from "./symmetric_state.ts";
