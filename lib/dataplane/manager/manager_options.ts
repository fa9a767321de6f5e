/**
 * What a manager is made with.
 * @module
 */

import type { Clock, RandomSource, Timers } from "../../base/mod.ts";
import type { ManagerUnderlay } from "./manager_underlay.ts";

/** How a manager reaches others; all of it may be left out. */
export interface OverlayManagerOptions {
  /**
   * What managers reach each other by: memory of this program, or `udp`, which is this host's own network. There, whoever is
   * on the way can read and forge; a network is sent to its remotes and taken from them alone, at the driver's port or
   * `plain.port`. Without it a network's endpoints are those of one manager.
   */
  readonly underlay?: ManagerUnderlay;
  /** This manager's own address there. With `udp` it may be left out: the host's then, whichever it is. */
  readonly address?: string;
  /** What the underlay carries at most, in bytes of IP; 1420 unless given, with `udp` 1500. */
  readonly underlayMtu?: number;
  /** The system's unless given. */
  readonly clock?: Clock;
  /** The system's unless given. */
  readonly timers?: Timers;
  /** The system's unless given. */
  readonly random?: RandomSource;
}
