/**
 * An event, as its handlers see it.
 * @module
 */

import type { PeerId } from "./ports.ts";
import type { Metadata } from "./wire/mod.ts";

/** Something that was published. */
export interface ServiceEvent<Data = unknown> {
  /** Such as `orders/placed`; with its network of topics when that is not the default one. */
  readonly topic: string;
  /** Whatever JSON can say, or bytes; shared among the handlers of this program. */
  readonly data: Data;
  /** What the `{…}` of the subscription's pattern stand for. */
  readonly params: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly publishedAt: number;
  /** Published before the subscription. */
  readonly isPast: boolean;
  /** Who published it; this node when undefined. */
  readonly publisher: PeerId | undefined;
  /** What the publisher has said beside it. */
  readonly metadata: Metadata;
  /** The trace that it belongs to (W3C Trace Context); undefined for none. */
  readonly traceparent: string | undefined;
}
