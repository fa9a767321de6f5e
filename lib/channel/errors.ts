/**
 * What can go wrong with opening a channel.
 * @module
 */

import { WeftError } from "../base/mod.ts";

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
