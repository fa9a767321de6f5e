/**
 * What becomes of events.
 * @module
 */

/** Counts them since the start; who does something with one adds it here. */
export class EventCounters {
  /** Published by this node and its programs. */
  published = 0;
  /** Handed to subscriptions of this program, whoever has published. */
  delivered = 0;
  /** Sent to other nodes and to programs. */
  sent = 0;
  /** Not sent: who should have got it was slow or gone. */
  lost = 0;
  /** Left out by subscriptions of this program that were too slow. */
  dropped = 0;
}
