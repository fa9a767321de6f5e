/**
 * What channels are opened with.
 * @module
 */

import type { Counters, Environment } from "../base/mod.ts";
import type { Channel } from "./channel.ts";
import type { ChannelDropReason } from "./errors.ts";

/** What every channel needs, however it opens. */
export interface ChannelSetup extends Pick<Environment, "clock" | "timers"> {
  /** Counts what goes wrong; without it, nobody knows. */
  readonly counters?: Counters<ChannelDropReason>;
  /** The longest body of a message in bytes, 1 MiB by default; both ends must agree on it. */
  readonly maxMessageBytes?: number;
  /** Is handed the channel before anything is read from it: the place for `attach` and `onStream`. */
  readonly prepare?: (channel: Channel) => void;
}
