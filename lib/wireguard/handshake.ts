/**
 * WireGuard's handshake: Noise_IKpsk2 with a prologue, inside two messages (WireGuard paper §5.4.2, §5.4.3).
 * @module
 */

import { utf8Bytes } from "../base/mod.ts";
import type { PresharedKey, PublicKey } from "../crypto/mod.ts";
import { HandshakeState, IKpsk2 } from "../noise/mod.ts";
import type { DeviceContext } from "./device_context.ts";
import {
  INITIATION_BYTES,
  INITIATION_NOISE_AT,
  INITIATION_NOISE_BYTES,
  RESPONSE_BYTES,
  RESPONSE_NOISE_AT,
  RESPONSE_NOISE_BYTES,
  TYPE_INITIATION,
  TYPE_RESPONSE,
  writeIndex,
} from "./messages.ts";
import { TAI64N_BYTES } from "./tai64n.ts";

const PROLOGUE = utf8Bytes("WireGuard v1 zx2c4 Jason@zx2c4.com");
const NO_PAYLOAD = new Uint8Array(0);

/** Our side of every handshake. */
export type HandshakeParts = Readonly<Pick<DeviceContext<unknown>, "privateKey" | "random" | "aead">>;

/** Keys for the two directions, 32 bytes each. */
export type SessionKeys = ReturnType<HandshakeState["split"]>;

/** An initiation of ours that waits for its response. */
export interface PendingInitiation {
  readonly state: HandshakeState;
  readonly localIndex: number;
}

/**
 * @param peer who is called, and with what
 * @returns the message, its macs still zero, and the state that reads the response
 * @throws TypeError when the peer's public key is of low order
 */
export function createInitiation(
  parts: HandshakeParts,
  peer: {
    readonly publicKey: PublicKey;
    readonly presharedKey: PresharedKey;
    readonly localIndex: number;
    /** 12 bytes. */
    readonly timestamp: Uint8Array;
  },
): { readonly message: Uint8Array; readonly state: HandshakeState } {
  const state = new HandshakeState({
    pattern: IKpsk2,
    role: "initiator",
    prologue: PROLOGUE,
    random: parts.random,
    aead: parts.aead,
    localStatic: parts.privateKey,
    remoteStatic: peer.publicKey,
    presharedKey: peer.presharedKey,
  });
  const message = new Uint8Array(INITIATION_BYTES);
  message[0] = TYPE_INITIATION;
  writeIndex(message, 4, peer.localIndex);
  message.set(state.writeMessage(peer.timestamp), INITIATION_NOISE_AT);
  return { message, state };
}

/**
 * Reads an initiation as far as telling who sends it.
 *
 * @returns undefined when it is not meant for us or was changed
 */
export function readInitiation(
  parts: HandshakeParts,
  message: Uint8Array,
):
  | { readonly state: HandshakeState; readonly publicKey: PublicKey; readonly timestamp: Uint8Array }
  | undefined {
  const state = new HandshakeState({
    pattern: IKpsk2,
    role: "responder",
    prologue: PROLOGUE,
    random: parts.random,
    aead: parts.aead,
    localStatic: parts.privateKey,
  });
  const noise = message.subarray(INITIATION_NOISE_AT, INITIATION_NOISE_AT + INITIATION_NOISE_BYTES);
  const timestamp = state.readMessage(noise);
  const publicKey = state.remoteStatic;
  if (timestamp?.length !== TAI64N_BYTES || publicKey === undefined) return undefined;
  return { state, publicKey, timestamp };
}

/**
 * Answers an initiation that was read and found good.
 *
 * @returns the response, its macs still zero, and the session's keys
 * @throws TypeError when the initiation's ephemeral key is of low order
 */
export function createResponse(
  state: HandshakeState,
  peer: {
    readonly presharedKey: PresharedKey;
    readonly localIndex: number;
    readonly remoteIndex: number;
  },
): { readonly message: Uint8Array; readonly keys: SessionKeys } {
  state.setPresharedKey(peer.presharedKey);
  const message = new Uint8Array(RESPONSE_BYTES);
  message[0] = TYPE_RESPONSE;
  writeIndex(message, 4, peer.localIndex);
  writeIndex(message, 8, peer.remoteIndex);
  message.set(state.writeMessage(NO_PAYLOAD), RESPONSE_NOISE_AT);
  return { message, keys: state.split() };
}

/**
 * Reads the response to an initiation of ours. A forged one leaves the initiation waiting for the real one.
 *
 * @returns the session's keys, or undefined when it is not the peer's answer
 */
export function readResponse(pending: PendingInitiation, message: Uint8Array): SessionKeys | undefined {
  const state = pending.state.clone();
  const noise = message.subarray(RESPONSE_NOISE_AT, RESPONSE_NOISE_AT + RESPONSE_NOISE_BYTES);
  const payload = state.readMessage(noise);
  if (payload?.length !== 0) return undefined;
  const keys = state.split();
  pending.state.wipe();
  return keys;
}
