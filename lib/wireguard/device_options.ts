/**
 * What a device is made with.
 * @module
 */

import type { RandomSource, UnixMillis } from "../base/mod.ts";
import type { Aead, PrivateKey } from "../crypto/mod.ts";
import type { ProtocolTimers } from "./constants.ts";

/** What a device is made with. */
export interface DeviceOptions {
  /** Without one there are no handshakes until `setPrivateKey`. */
  readonly privateKey?: PrivateKey;
  readonly random: RandomSource;
  /** The wall time, for the timestamps of initiations. */
  readonly wall: () => UnixMillis;
  readonly aead?: Aead;
  /** The longest inner packet, 576 to 65,000; 1420 unless given. */
  readonly mtuBytes?: number;
  /** Shortens the protocol's intervals in a test. */
  readonly timers?: Partial<ProtocolTimers>;
  /** Handshake messages a second that are answered without a cookie. */
  readonly handshakesPerSecond?: number;
}
