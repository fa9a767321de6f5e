/**
 * Channels between programs of one host, over a stream whose other end the file system vouches for.
 *
 * There is no handshake and nothing is sealed: records are plain. Nobody can be talked into that, since only these two
 * functions make such channels, and their records mean nothing to the others.
 *
 * @module
 */

import type { ByteStream, Counters, Environment } from "../base/mod.ts";
import { Channel } from "./channel.ts";
import { channelCounters, type ChannelDropReason } from "./drop_reason.ts";
import { MAX_MESSAGE_BYTES } from "./envelope_stream.ts";
import { FRAME_HEADER_BYTES, FrameReader } from "./frame_reader.ts";
import type { RecordOpener, RecordSealer } from "./record_cipher.ts";

/** What both ends need. */
export interface LocalChannelSetup extends Pick<Environment, "clock" | "timers"> {
  /** Counts what goes wrong; without it, nobody knows. */
  readonly counters?: Counters<ChannelDropReason>;
  /** The longest body of a message in bytes, 1 MiB by default; both ends must agree on it. */
  readonly maxMessageBytes?: number;
  /** Is handed the channel before anything is read from it: the place for `attach` and `onStream`. */
  readonly prepare?: (channel: Channel) => void;
}

/** Opens a channel over a stream that was just dialled, such as `dialUnix` gives. It is open at once. */
export function openLocalChannel(stream: ByteStream, setup: LocalChannelSetup): Channel {
  return localChannel("initiator", stream, setup);
}

/** Makes the other end, over a stream that was just accepted. Who may dial it, the caller has seen to. */
export function acceptLocalChannel(stream: ByteStream, setup: LocalChannelSetup): Channel {
  return localChannel("responder", stream, setup);
}

function localChannel(
  role: "initiator" | "responder",
  stream: ByteStream,
  setup: LocalChannelSetup,
): Channel {
  const channel = new Channel(stream, {
    role,
    frames: new FrameReader(stream),
    sealer: PLAIN_SEALER,
    opener: PLAIN_OPENER,
    remoteStatic: undefined,
    reply: new Uint8Array(0),
    clock: setup.clock,
    timers: setup.timers,
    counters: setup.counters ?? channelCounters(),
    maxMessageBytes: setup.maxMessageBytes ?? MAX_MESSAGE_BYTES,
  });
  setup.prepare?.(channel);
  return channel;
}

const PLAIN_SEALER: RecordSealer = {
  sealInto(plaintext, out, at) {
    out[at] = plaintext.length >> 8;
    out[at + 1] = plaintext.length;
    out.set(plaintext, at + FRAME_HEADER_BYTES);
    return at + FRAME_HEADER_BYTES + plaintext.length;
  },
  wipe() {},
};

const PLAIN_OPENER: RecordOpener = { open: (record) => record, release() {}, wipe() {} };
