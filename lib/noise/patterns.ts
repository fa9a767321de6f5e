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

/** @param known `i`, `r` or both: whose static key the other side has; `messages` have their tokens apart by spaces */
export function pattern(name: string, known: string, ...messages: string[]): HandshakePattern {
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

/** The initiator sends its static key at once, encrypted to the responder's known one (Noise specification §7.5). */
export const IK: HandshakePattern = pattern("IK", "r", "e es s ss", "e ee se");

/** WireGuard's pattern, and that of weft's channels. */
export const IKpsk2: HandshakePattern = withPresharedKey(IK, 2);
