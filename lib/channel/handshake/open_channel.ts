/**
 * The initiator's side of the handshake.
 * @module
 */

import type { ByteStream } from "../../base/mod.ts";
import type { PresharedKey, PublicKey } from "../../crypto/mod.ts";
import { Channel } from "../channel.ts";
import { ChannelClosedError, ChannelRefusedError, ChannelTimeoutError } from "../errors.ts";
import { encodeFrame, FrameReader, type HandshakeResult, sealRecords } from "../records/mod.ts";
import {
  HANDSHAKE_TIMEOUT_MS,
  type HandshakeSetup,
  splitHandshake,
  startHandshake,
  wipeCiphers,
} from "./handshake.ts";

const NOTHING = new Uint8Array(0);

/** Whom to reach, and what to say first. */
export interface OpenChannelOptions extends HandshakeSetup {
  /** The key that the other side must have. */
  readonly remoteStatic: PublicKey;
  /** Proves that this side was invited; both sides must have the same. */
  readonly presharedKey?: PresharedKey;
  /** Goes with the first message, encrypted to `remoteStatic`: at most 65,439 bytes. It can be replayed. */
  readonly hello: Uint8Array;
  /** Gives up when it fires. */
  readonly signal?: AbortSignal;
}

/**
 * Opens a channel over a stream that was just dialled. The stream is closed when that fails.
 *
 * @returns a channel whose other side has proven that it holds `remoteStatic` and the preshared key
 * @throws ChannelRefusedError when the other side says no or its answer is not sealed with our keys
 * @throws ChannelTimeoutError when the handshake takes longer than 5 s
 * @throws ChannelClosedError when the stream ends before the handshake does
 * @throws the signal's reason when it fires; RangeError when `hello` is too long
 */
export async function openChannel(stream: ByteStream, options: OpenChannelOptions): Promise<Channel> {
  const { signal } = options;
  let timedOut = false;
  const cancelTimer = options.timers.setTimer(HANDSHAKE_TIMEOUT_MS, () => {
    timedOut = true;
    stream.close();
  });
  const onAbort = () => stream.close();
  signal?.addEventListener("abort", onAbort);
  let opened: HandshakeResult | "refused" | "closed" | undefined;
  try {
    signal?.throwIfAborted();
    opened = await initiate(stream, options);
    signal?.throwIfAborted();
    if (timedOut) throw new ChannelTimeoutError(`${failure(stream)}: no answer in time`, { retryable: true });
    if (opened === "refused") throw new ChannelRefusedError(`${failure(stream)}: the other side refused`);
    if (opened === "closed") {
      throw new ChannelClosedError(`${failure(stream)}: the other side hung up`, { retryable: true });
    }
  } catch (error) {
    if (typeof opened === "object") wipeCiphers(opened);
    stream.close();
    throw error;
  } finally {
    cancelTimer();
    signal?.removeEventListener("abort", onAbort);
  }
  return new Channel(stream, opened, options);
}

async function initiate(
  stream: ByteStream,
  options: OpenChannelOptions,
): Promise<HandshakeResult | "refused" | "closed"> {
  const handshake = startHandshake("initiator", options);
  try {
    if (!await stream.write(encodeFrame(handshake.writeMessage(options.hello)))) return "closed";
    const frames = new FrameReader(stream);
    const answer = await frames.read();
    if (answer === undefined) return "closed";
    const reply = answer.length === 0 ? undefined : handshake.readMessage(answer);
    if (reply === undefined) return "refused";
    const ciphers = splitHandshake(handshake, options.aead);
    const opened = {
      role: "initiator",
      frames,
      remoteStatic: options.remoteStatic,
      reply,
      ...ciphers,
    } as const;
    if (await stream.write(sealRecords(ciphers.sealer, NOTHING))) return opened;
    wipeCiphers(opened);
    return "closed";
  } finally {
    handshake.wipe();
  }
}

function failure(stream: ByteStream): string {
  return `Cannot open a channel to ${stream.remoteAddress}`;
}
