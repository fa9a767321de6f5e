/**
 * The responder's side of the handshake.
 *
 * Before the other side has proven itself it gets nothing but one answer that is no longer than its question, and
 * whatever is wrong with the question, the answer is the same: a frame of length zero.
 *
 * @module
 */

import type { ByteStream } from "../../base/mod.ts";
import { KEY_BYTES, type PresharedKey, type PublicKey, TAG_BYTES } from "../../crypto/mod.ts";
import { Channel } from "../channel.ts";
import type { ChannelDropReason } from "../errors.ts";
import { encodeFrame, FrameReader, type HandshakeResult } from "../records/mod.ts";
import {
  HANDSHAKE_TIMEOUT_MS,
  type HandshakeSetup,
  splitHandshake,
  startHandshake,
  wipeCiphers,
} from "./handshake.ts";

const REFUSAL: Uint8Array = encodeFrame(new Uint8Array(0));

// An ephemeral key, and the tag of the payload.
const SECOND_MESSAGE_OVERHEAD_BYTES = KEY_BYTES + TAG_BYTES;

/** The answer to somebody who is let in. */
export interface Authorization<T> {
  /** The key that the other side must have; none when left out. */
  readonly presharedKey?: PresharedKey;
  /** Goes with the second message, encrypted: at most 48 bytes longer than the hello. */
  readonly reply: Uint8Array;
  /** Handed on to the caller once the other side has proven itself. */
  readonly context: T;
}

/** Whom to let in. */
export interface AcceptChannelOptions<T> extends HandshakeSetup {
  /**
   * Decides who is let in. `remoteStatic` sent this `hello` at some time, but the call can be a replay: nothing may
   * change here, what must happen once happens when `acceptChannel` has returned.
   *
   * @returns undefined to refuse; throwing refuses as well
   */
  authorize(hello: Uint8Array, remoteStatic: PublicKey): Authorization<T> | undefined;
}

/** A channel that was let in. */
export interface AcceptedChannel<T> {
  readonly channel: Channel;
  /** What `authorize` gave. */
  readonly context: T;
}

type Outcome<T> =
  | { readonly opened: HandshakeResult; readonly context: T }
  | { readonly refuse: ChannelDropReason }
  | { readonly drop: ChannelDropReason };

/**
 * Answers a channel that is opened over a stream that was just accepted. The stream is closed when that fails; after
 * 5 s without a word.
 *
 * @returns the channel once the other side has proven that it is there now and has the preshared key; or undefined
 */
export async function acceptChannel<T>(
  stream: ByteStream,
  options: AcceptChannelOptions<T>,
): Promise<AcceptedChannel<T> | undefined> {
  let timedOut = false;
  const cancelTimer = options.timers.setTimer(HANDSHAKE_TIMEOUT_MS, () => {
    timedOut = true;
    stream.close();
  });
  try {
    const outcome = await respond(stream, options);
    if ("drop" in outcome) {
      options.counters?.count(timedOut ? "channel-handshake-timeout" : outcome.drop);
    } else if ("refuse" in outcome) {
      options.counters?.count(outcome.refuse);
      await stream.write(REFUSAL);
    } else if (timedOut) {
      options.counters?.count("channel-handshake-timeout");
      wipeCiphers(outcome.opened);
    } else {
      return { channel: new Channel(stream, outcome.opened, options), context: outcome.context };
    }
  } finally {
    cancelTimer();
  }
  stream.close();
  return undefined;
}

async function respond<T>(stream: ByteStream, options: AcceptChannelOptions<T>): Promise<Outcome<T>> {
  const frames = new FrameReader(stream);
  const question = await frames.read();
  if (question === undefined) return { drop: "channel-handshake-closed" };
  const handshake = startHandshake("responder", options);
  try {
    const questionBytes = question.length;
    const hello = handshake.readMessage(question);
    const remoteStatic = handshake.remoteStatic;
    if (hello === undefined || remoteStatic === undefined) return { refuse: "channel-handshake-rejected" };
    const authorization = authorize(options, hello, remoteStatic);
    if (typeof authorization === "string") return { refuse: authorization };
    const { presharedKey, reply, context } = authorization;
    if (reply.length + SECOND_MESSAGE_OVERHEAD_BYTES > questionBytes) {
      return { refuse: "channel-handshake-reply-too-long" };
    }
    if (presharedKey !== undefined) handshake.setPresharedKey(presharedKey);
    if (!await stream.write(encodeFrame(handshake.writeMessage(reply)))) {
      return { drop: "channel-handshake-closed" };
    }
    const ciphers = splitHandshake(handshake, options.aead);
    const opened = { role: "responder", frames, remoteStatic, reply, ...ciphers } as const;
    const reason = await confirm(opened);
    if (reason === undefined) return { opened, context };
    wipeCiphers(opened);
    return { drop: reason };
  } finally {
    handshake.wipe();
  }
}

function authorize<T>(
  options: AcceptChannelOptions<T>,
  hello: Uint8Array,
  remoteStatic: PublicKey,
): Authorization<T> | ChannelDropReason {
  try {
    return options.authorize(hello, remoteStatic) ?? "channel-handshake-unauthorized";
  } catch {
    return "channel-handshake-authorize-failed";
  }
}

/** Waits for the empty record that a replay can't make. */
async function confirm({ frames, opener }: HandshakeResult): Promise<ChannelDropReason | undefined> {
  const record = await frames.read();
  if (record === undefined) return "channel-handshake-closed";
  return opener.open(record)?.length === 0 ? undefined : "channel-handshake-unconfirmed";
}
