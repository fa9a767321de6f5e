/**
 * Handshake patterns as data (Noise specification §7).
 * @module
 */

/** A step of a message (Noise specification §7.1, and §9 for `psk`). */
export type Token = "e" | "s" | "ee" | "es" | "se" | "ss" | "psk";

/** What both sides know beforehand, and the messages in turn, the initiator's first. */
export interface HandshakePattern {
  /** As it stands in the protocol's name: `IKpsk2`. */
  readonly name: string;
  /** Static keys that are known to the other side before the handshake. */
  readonly known: { readonly initiator: boolean; readonly responder: boolean };
  readonly messages: readonly (readonly Token[])[];
}

function pattern(name: string, known: string, ...messages: string[]): HandshakePattern {
  return {
    name,
    known: { initiator: known.includes("i"), responder: known.includes("r") },
    messages: messages.map((message) => message.split(" ") as Token[]),
  };
}

/**
 * Adds preshared keys: `psk0` begins the first message, `pskN` ends message N (Noise specification §9.4).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { IK, withPresharedKey } from "./patterns.ts";
 * assert.equal(withPresharedKey(IK, 2).name, "IKpsk2");
 * ```
 */
export function withPresharedKey(base: HandshakePattern, position: number): HandshakePattern {
  return {
    name: `${base.name}psk${position}`,
    known: base.known,
    messages: base.messages.map((tokens, i) => {
      if (position === 0 && i === 0) return ["psk", ...tokens];
      return i === position - 1 ? [...tokens, "psk"] : tokens;
    }),
  };
}

// Noise specification §7.5, the interactive patterns.
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
/** The initiator sends its static key at once, encrypted to the responder's known one. */
export const IK: HandshakePattern = pattern("IK", "r", "e es s ss", "e ee se");
/** The initiator sends its static key in the clear, the responder sends its own. */
export const IX: HandshakePattern = pattern("IX", "", "e s", "e ee se s es");

/** WireGuard's pattern, and that of weft's channels. */
export const IKpsk2: HandshakePattern = withPresharedKey(IK, 2);
