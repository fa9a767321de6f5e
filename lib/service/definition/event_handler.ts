/**
 * What subscribers are handed.
 * @module
 */

import type { PeerId } from "../ports.ts";

/** Something that was published. */
export interface ServiceEvent<Data = unknown> {
  /** Such as `orders/placed`; with its network of topics when that is not the default one. */
  readonly topic: string;
  readonly data: Data;
  /** What the `{…}` of the subscription's pattern stand for. */
  readonly params: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly publishedAt: number;
  /** Published before the subscription. */
  readonly isPast: boolean;
  /** Who published it; this node when undefined. */
  readonly publisher: PeerId | undefined;
}

/** Handles events of one subscription. One that throws, or whose promise rejects, is counted and hurts nobody else. */
export type EventHandler<Data = unknown> = (event: ServiceEvent<Data>) => unknown;
