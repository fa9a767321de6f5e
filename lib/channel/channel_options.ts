/**
 * What a channel is made of.
 * @module
 */

import type { Counters, Environment } from "../base/mod.ts";
import type { PublicKey } from "../crypto/mod.ts";
import type { ChannelDropReason } from "./drop_reason.ts";
import type { FrameReader } from "./frame_reader.ts";
import type { RecordOpener, RecordSealer } from "./record_cipher.ts";

/** What a handshake leaves behind. */
export interface ChannelOptions extends Pick<Environment, "clock" | "timers"> {
  readonly role: "initiator" | "responder";
  readonly frames: FrameReader;
  readonly sealer: RecordSealer;
  readonly opener: RecordOpener;
  /** Undefined where the file system vouches for the other end. */
  readonly remoteStatic: PublicKey | undefined;
  readonly reply: Uint8Array;
  readonly counters: Counters<ChannelDropReason>;
  readonly maxMessageBytes: number;
}
