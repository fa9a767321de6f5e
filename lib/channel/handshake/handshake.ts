/**
 * How a channel opens: Noise_IKpsk2, always with a preshared key, which is all zeros when there is none.
 *
 * ```
 *   initiator                                        responder
 *       | -- frame: e, es, s, ss, hello ----------------> |   authorize(hello, static key)
 *       | <- frame: e, ee, se, psk, reply --------------- |   never longer than the question;
 *       | -- record: empty ------------------------------>|   a frame of length zero is "no"
 *     open                                              open
 * ```
 *
 * The first message can be a replay (Noise specification §7.7), which is why the responder takes the channel for open
 * only when the first record has come.
 *
 * @module
 */

import { type Environment, utf8Bytes } from "../../base/mod.ts";
import { type Aead, PresharedKey, type PrivateKey, type PublicKey } from "../../crypto/mod.ts";
import { HandshakeState, IKpsk2, type Role } from "../../noise/mod.ts";
import type { ChannelSetup } from "../channel.ts";
import {
  channelAead,
  type HandshakeResult,
  NoiseOpener,
  NoiseSealer,
  type RecordOpener,
  type RecordSealer,
} from "../records/mod.ts";

/** How long a handshake may take. */
export const HANDSHAKE_TIMEOUT_MS = 5_000;

/** What every channel with a handshake needs. */
export interface HandshakeSetup extends ChannelSetup, Pick<Environment, "random"> {
  readonly localStatic: PrivateKey;
  /** Seals the records; the fastest that this process has when left out. */
  readonly aead?: Aead;
}

/** @returns a handshake of a channel at its beginning */
export function startHandshake(
  role: Role,
  setup: HandshakeSetup & { readonly remoteStatic?: PublicKey; readonly presharedKey?: PresharedKey },
): HandshakeState {
  return new HandshakeState({
    pattern: IKpsk2,
    role,
    prologue: utf8Bytes("weft channel v1"),
    random: setup.random,
    localStatic: setup.localStatic,
    presharedKey: setup.presharedKey ?? PresharedKey.none(),
    ...setup.remoteStatic === undefined ? {} : { remoteStatic: setup.remoteStatic },
  });
}

/** @returns the ciphers of a complete handshake */
export function splitHandshake(
  handshake: HandshakeState,
  aead: Aead = channelAead(),
): { readonly sealer: RecordSealer; readonly opener: RecordOpener } {
  const { send, receive } = handshake.split();
  const ciphers = { sealer: new NoiseSealer(send, aead), opener: new NoiseOpener(receive, aead) };
  send.fill(0);
  receive.fill(0);
  return ciphers;
}

/** Overwrites the keys of a channel that does not come to be. */
export function wipeCiphers({ sealer, opener }: HandshakeResult): void {
  sealer.wipe();
  opener.wipe();
}
