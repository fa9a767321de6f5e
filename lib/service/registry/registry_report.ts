/**
 * What `$registry` tells of a service.
 * @module
 */

import type { PeerId } from "../ports.ts";
import type { AdvertisedAction, ServiceState } from "../wire/mod.ts";

/** One node that offers a service. */
export interface ProviderReport {
  readonly id: PeerId;
  readonly name: string;
  readonly state: ServiceState;
  readonly version: string;
  /** Whether it is the node that was asked. */
  readonly isLocal: boolean;
  readonly isHealthy: boolean;
  /** Whether it leads the service; only of those that one leads. */
  readonly isLeader?: boolean;
  /** The last round trip time in milliseconds. */
  readonly rttMs?: number;
}

/** One service, wherever it runs. */
export interface ServiceReport {
  readonly path: string;
  readonly description: string;
  readonly actions: readonly AdvertisedAction[];
  readonly events: readonly string[];
  readonly providers: readonly ProviderReport[];
}
