/**
 * Sending events: at once while a link has room, in order behind those that wait for it.
 * @module
 */

import type { PublishReport } from "../options.ts";
import type { PeerId } from "../ports.ts";
import type { EventCounters } from "../stats/mod.ts";
import type { TopicPath } from "../topics/mod.ts";
import {
  copyValue,
  type EventMessage,
  memoryOfContext,
  type MessageCarrier,
  type PropagatedContext,
  type WireValue,
} from "../wire/mod.ts";

/** How many events wait for one link that is slow or not there; further ones are lost. */
export const MAX_WAITING_EVENTS = 1_024;

/** What an event that waits takes beside its data. */
const WAITING_OVERHEAD_BYTES = 512;

/** What was published, and may be kept. */
export interface RetainedEvent {
  readonly topic: TopicPath;
  readonly data: WireValue;
  /** Milliseconds since 1970. */
  readonly publishedAt: number;
}

/** An event on its way. */
export interface OutgoingEvent extends RetainedEvent {
  readonly past?: boolean;
  readonly retain?: boolean;
  /** From a program to its agent: on how many other nodes it is to be kept, too. */
  readonly replicas?: number;
  /** What travels along; undefined for nothing. */
  readonly context?: PropagatedContext | undefined;
}

/** Sends events; one for a node or program. */
export class EventSender {
  readonly #carrier: MessageCarrier;
  readonly #counters: EventCounters;
  /** Of each peer, how many wait, and the last of them. */
  readonly #waiting = new Map<PeerId, { count: number; last: Promise<unknown> }>();

  constructor(carrier: MessageCarrier, counters: EventCounters) {
    this.#carrier = carrier;
    this.#counters = counters;
  }

  /**
   * @param event its bytes are good for this turn
   * @param groups whose subscribers it is for; everybody's when empty
   * @returns whether it was sent
   */
  send(
    peer: PeerId,
    { topic, data, publishedAt, past = false, retain = false, replicas = 0, context }: OutgoingEvent,
    groups: readonly string[],
  ): boolean | Promise<boolean> {
    const message: EventMessage = {
      kind: "event",
      topic: topic.toString(),
      data,
      publishedAt,
      groups,
      past,
      retain,
      replicas,
      context,
    };
    const carrier = this.#carrier;
    const isNext = this.#waiting.size === 0 || !this.#waiting.has(peer);
    const isSent = isNext && carrier.isShort(data) && carrier.post(peer, message) === "queued";
    return isSent ? this.#count(true) : this.#sendLater(peer, message);
  }

  #sendLater(peer: PeerId, message: EventMessage): boolean | Promise<boolean> {
    const { data, context } = message;
    const queue = this.#waiting.get(peer) ?? { count: 0, last: Promise.resolve() };
    if (queue.count === MAX_WAITING_EVENTS) return this.#count(false);
    // Whoever reads slowly is who makes it wait.
    const claim = this.#carrier.hold(
      peer,
      data.data.length + memoryOfContext(context) + WAITING_OVERHEAD_BYTES,
    );
    if (claim === undefined) return this.#count(false);
    queue.count++;
    this.#waiting.set(peer, queue);
    const kept = { ...message, data: copyValue(data) };
    const sending = queue.last.then(() => this.#sendSlowly(peer, kept)).catch(() => false)
      .then((isSent) => this.#count(isSent));
    queue.last = sending.then(() => {
      claim.release();
      if (--queue.count === 0) this.#waiting.delete(peer);
    });
    return sending;
  }

  #count(isSent: boolean): boolean {
    if (isSent) this.#counters.sent++;
    else this.#counters.lost++;
    return isSent;
  }

  async #sendSlowly(peer: PeerId, message: EventMessage): Promise<boolean> {
    const carrier = this.#carrier;
    for (let i = 0; i < 2; i++) {
      const outcome = carrier.isShort(message.data)
        ? carrier.post(peer, message)
        : await carrier.sendLong(peer, message.data, (data) => ({ ...message, data }));
      if (outcome === "queued") return true;
      if (outcome === "refused") return false;
      if (outcome === "congested") await carrier.links.drained(peer);
      else if (!await carrier.links.reach(peer)) return false;
    }
    return false;
  }
}

/** No async function: nothing is waited for as long as links have room. */
export function reportSends(
  local: number,
  sends: readonly (boolean | Promise<boolean>)[],
): Promise<PublishReport> {
  let sent = 0;
  for (const send of sends) {
    if (typeof send !== "boolean") return reportLater(local, sends);
    if (send) sent++;
  }
  return Promise.resolve({ local, sent, lost: sends.length - sent });
}

async function reportLater(
  local: number,
  sends: readonly (boolean | Promise<boolean>)[],
): Promise<PublishReport> {
  const done = await Promise.all(sends);
  const sent = done.filter(Boolean).length;
  return { local, sent, lost: done.length - sent };
}
