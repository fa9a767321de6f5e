/**
 * How handshakes and channels fail: errors for whoever opens one, reasons that are counted for all others.
 * @module
 */

import { Counters, rangeText, type VersionRange, WeftError } from "../base/mod.ts";

/** The other side said no, or its answer does not fit our keys. It never says why. */
export class ChannelRefusedError extends WeftError {
  readonly code = "ChannelRefused";
}

/** The other side did not finish the handshake in time. */
export class ChannelTimeoutError extends WeftError {
  readonly code = "ChannelTimeout";
}

/** The stream ended before the handshake did. */
export class ChannelClosedError extends WeftError {
  readonly code = "ChannelClosed";
}

/**
 * The two ends have no version of the handshake in common. What the other end says is not proven by any key: whoever is in
 * between could say it, too, but could as well cut the stream.
 */
export class ChannelVersionError extends WeftError {
  readonly code = "ChannelVersion";
  readonly ours: VersionRange;
  readonly theirs: VersionRange;

  /** Takes who was called, and what each end can do. */
  constructor(where: string, ours: VersionRange, theirs: VersionRange) {
    const side = ours.newest < theirs.oldest ? "this machine" : "the other one";
    super(
      `Cannot open a channel to ${where}: it speaks ${rangeText(theirs)} of the handshake, this machine ${
        rangeText(ours)
      }`,
      { hint: `Upgrade weft on ${side}.` },
    );
    this.ours = ours;
    this.theirs = theirs;
  }
}

/** Every reason, for whoever makes the counters. */
export const CHANNEL_DROP_REASONS = [
  "channel-handshake-rejected",
  "channel-handshake-unauthorized",
  "channel-handshake-authorize-failed",
  "channel-handshake-reply-too-long",
  "channel-handshake-unconfirmed",
  "channel-handshake-timeout",
  "channel-handshake-closed",
  "channel-handshake-version",
  "channel-handshake-rate-limited",
  "channel-record-rejected",
  "channel-message-too-long",
  "channel-message-malformed",
  "channel-peer-silent",
  "channel-send-overflow",
  "channel-handler-failed",
  "channel-stream-violation",
] as const;

/** A reason that is counted. */
export type ChannelDropReason = typeof CHANNEL_DROP_REASONS[number];

/** @returns counters of every reason, all zero */
export function channelCounters(): Counters<ChannelDropReason> {
  return new Counters(CHANNEL_DROP_REASONS);
}
