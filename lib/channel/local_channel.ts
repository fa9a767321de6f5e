/**
 * Channels between programs of one host, over a stream whose other end the file system vouches for.
 *
 * There is no handshake and nothing is sealed: records are plain. Nobody can be talked into that, since only these two
 * functions make such channels, and their records mean nothing to the others.
 *
 * @module
 */

import type { ByteStream } from "../base/mod.ts";
import { Channel, type ChannelSetup } from "./channel.ts";
import { FRAME_HEADER_BYTES, FrameReader, type RecordOpener, type RecordSealer } from "./records/mod.ts";

/** Opens a channel over a stream that was just dialled, such as `dialUnix` gives. It is open at once. */
export function openLocalChannel(stream: ByteStream, setup: ChannelSetup): Channel {
  return localChannel("initiator", stream, setup);
}

/** Makes the other end, over a stream that was just accepted. Who may dial it, the caller has seen to. */
export function acceptLocalChannel(stream: ByteStream, setup: ChannelSetup): Channel {
  return localChannel("responder", stream, setup);
}

function localChannel(role: "initiator" | "responder", stream: ByteStream, setup: ChannelSetup): Channel {
  const frames = new FrameReader(stream);
  const plain = { sealer: PLAIN_SEALER, opener: PLAIN_OPENER, remoteStatic: undefined };
  return new Channel(stream, { role, frames, ...plain, reply: new Uint8Array(0), version: 0 }, setup);
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

const PLAIN_OPENER: RecordOpener = {
  open(frames) {
    const record = frames.take();
    return record?.length === 0 ? "rejected" : record;
  },
  release() {},
  wipe() {},
};
