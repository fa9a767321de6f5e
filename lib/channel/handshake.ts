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

import { type ByteStream, type Counters, type Environment, utf8Bytes } from "../base/mod.ts";
import { type Aead, PresharedKey, type PrivateKey, type PublicKey } from "../crypto/mod.ts";
import { HandshakeState, IKpsk2, type Role } from "../noise/mod.ts";
import { Channel } from "./channel.ts";
import { channelCounters, type ChannelDropReason } from "./drop_reason.ts";
import { MAX_MESSAGE_BYTES } from "./envelope_stream.ts";
import type { FrameReader } from "./frame_reader.ts";
import {
  channelAead,
  NoiseOpener,
  NoiseSealer,
  type RecordOpener,
  type RecordSealer,
} from "./record_cipher.ts";

/** How long a handshake may take. */
export const HANDSHAKE_TIMEOUT_MS = 5_000;

/** What both roles need. */
export interface HandshakeSetup extends Pick<Environment, "clock" | "timers" | "random"> {
  readonly localStatic: PrivateKey;
  /** Counts what goes wrong; without it, nobody knows. */
  readonly counters?: Counters<ChannelDropReason>;
  /** The longest body of a message in bytes, 1 MiB by default; both ends must agree on it. */
  readonly maxMessageBytes?: number;
  /** Seals the records; the fastest that this process has when left out. */
  readonly aead?: Aead;
  /** Is handed the channel before anything is read from it: the place for `attach` and `onStream`. */
  readonly prepare?: (channel: Channel) => void;
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

/** What is particular to one channel. */
export interface OpenedChannel {
  readonly frames: FrameReader;
  readonly remoteStatic: PublicKey;
  readonly reply: Uint8Array;
  readonly sealer: RecordSealer;
  readonly opener: RecordOpener;
}

/** Overwrites the keys of a channel that does not come to be. */
export function wipeCiphers({ sealer, opener }: OpenedChannel): void {
  sealer.wipe();
  opener.wipe();
}

/** Makes the channel once both sides have proven themselves. */
export function makeChannel(
  role: Role,
  stream: ByteStream,
  setup: HandshakeSetup,
  opened: OpenedChannel,
): Channel {
  const channel = new Channel(stream, {
    ...opened,
    role,
    clock: setup.clock,
    timers: setup.timers,
    counters: setup.counters ?? channelCounters(),
    maxMessageBytes: setup.maxMessageBytes ?? MAX_MESSAGE_BYTES,
  });
  setup.prepare?.(channel);
  return channel;
}
