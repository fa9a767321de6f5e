/**
 * Why handshakes and channels come to an early end.
 * @module
 */

import { Counters } from "../base/mod.ts";

/** Every reason, for whoever makes the counters. */
export const CHANNEL_DROP_REASONS = [
  "channel-handshake-rejected",
  "channel-handshake-unauthorized",
  "channel-handshake-authorize-failed",
  "channel-handshake-reply-too-long",
  "channel-handshake-unconfirmed",
  "channel-handshake-timeout",
  "channel-handshake-closed",
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
