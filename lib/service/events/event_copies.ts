/**
 * Retained events on other nodes than their publisher's, so that they outlive it: the publisher asks, and a node that is
 * asked keeps them within bounds, for each publisher and for all.
 *
 * ```
 *   publish(…, { retain, replicas: 2 }) ──▶ `$events/keep` at two linked nodes that may publish the topic themselves
 *   includePast ──▶ `$events/past` at everybody who keeps something ──▶ the newest of each topic
 * ```
 *
 * Nodes take an event from whoever may publish it, so that a copy counts as its holder's own word.
 *
 * @module
 */

import { memoryAccount } from "../../base/mod.ts";
import type { CallContext } from "../call_context.ts";
import { ActionError } from "../errors.ts";
import { isProgram, type PeerId } from "../ports.ts";
import type { NodeBase } from "../runtime_base.ts";
import type { RetainedEvent } from "./event_sender.ts";
import { RetainedEvents } from "./retained_events.ts";
import { TopicPath, type TopicPattern } from "../topics/mod.ts";
import { contextOf, decodeValue, encodeValue, isNoValue } from "../wire/mod.ts";

/** The most copies of one event. */
export const MAX_REPLICAS = 8;
/** What one publisher may have kept here, and all together. */
const MAX_TOPICS_OF_PEER = 256;
const MAX_BYTES_OF_PEER = 1 << 20;
const MAX_TOPICS = 1_024;
const MAX_BYTES = 4 << 20;
/** Of so many topics a publisher remembers where their copies are. */
const MAX_REMEMBERED = 1_024;

/** Copies of one node's events elsewhere, and those of others here. */
export class EventCopies {
  readonly #base: NodeBase;
  readonly #onChange: () => void;
  /** Of each publisher. */
  readonly #kept = new Map<PeerId, RetainedEvents>();
  /** Where the copies of own events are, by topic. */
  readonly #holders = new Map<string, readonly PeerId[]>();

  /** @param onChange is called when the first copy has come, or the last one gone */
  constructor(base: NodeBase, onChange: () => void) {
    this.#base = base;
    this.#onChange = onChange;
  }

  /** How many events of others are kept here. */
  get size(): number {
    let size = 0;
    for (const events of this.#kept.values()) size += events.size;
    return size;
  }

  /** @returns the events of others that match */
  matching(pattern: TopicPattern): readonly RetainedEvent[] {
    return [...this.#kept.values()].flatMap((events) => events.matching(pattern));
  }

  /**
   * Has other nodes keep an event, or forget the topic's when it has no data.
   * @param replicas how many; those that have an earlier one get this one, too
   * @returns how many keep it
   */
  async spread(event: RetainedEvent, replicas: number): Promise<number> {
    const { carrier, directory, log, peers } = this.#base;
    const text = event.topic.toString();
    const isForgotten = isNoValue(event.data);
    const former = this.#holders.get(text) ?? [];
    if (replicas === 0 && former.length === 0) return 0;
    // A publisher that was started again does not know where its copies are.
    const elsewhere = isForgotten ? directory.retainers() : [];
    const linked = carrier.links.linked().filter((peer) =>
      !isProgram(peer) && peers.mayPublish(peer, event.topic)
    );
    const chosen = linked.sort((a, b) => weight(b, text) - weight(a, text)).slice(0, replicas);
    const asked = [...new Set([...isForgotten ? [] : chosen, ...former, ...elsewhere])];
    const params = decodeValue(event.data);
    const context = contextOf({ metadata: { topic: text, publishedAt: String(event.publishedAt) } });
    const answers = await Promise.all(asked.map(async (peer) => {
      try {
        await this.#base.ask(peer, "$events/keep", params, { context, idempotent: true });
        return peer;
      } catch (error) {
        log.warn("a node does not keep a retained event of this one", {
          peer: peers.nameOf(peer) ?? peer,
          topic: text,
          error,
        });
        return undefined;
      }
    }));
    const holders = isForgotten ? [] : answers.filter((peer) => peer !== undefined);
    this.#holders.delete(text);
    if (holders.length > 0) this.#holders.set(text, holders);
    if (this.#holders.size > MAX_REMEMBERED) {
      for (const oldest of this.#holders.keys()) {
        this.#holders.delete(oldest);
        break;
      }
    }
    if (!isForgotten && holders.length < replicas) {
      log.warn("a retained event is kept by fewer nodes than were asked for", {
        topic: text,
        replicas,
        copies: holders.length,
      });
    }
    return holders.length;
  }

  /** Keeps an event of another node. @throws ActionError */
  keep(params: unknown, { caller, metadata }: CallContext): void {
    const { peers, peers: { self }, carrier } = this.#base;
    const topic = TopicPath.tryParse(metadata["topic"] ?? "");
    const publishedAt = Number(metadata["publishedAt"]);
    if (
      caller === undefined || isProgram(caller) || topic === undefined || !Number.isSafeInteger(publishedAt)
    ) {
      throw new ActionError(
        "InvalidParams",
        "Only nodes ask that, with a topic and a time among the metadata",
      );
    }
    if (!peers.mayPublish(caller, topic) || !peers.mayPublish(self, topic)) {
      throw new ActionError("Refused", `${topic} may not be published from there, or from here`);
    }
    const before = this.size;
    const data = encodeValue(params);
    const events = this.#kept.get(caller) ??
      new RetainedEvents(memoryAccount(carrier.memory, "retained"), MAX_TOPICS_OF_PEER, MAX_BYTES_OF_PEER);
    const known = events.get(topic);
    if (isNoValue(data)) events.delete(topic);
    // Two of one publisher may overtake each other.
    else if (known === undefined || known.publishedAt <= publishedAt) {
      const bytes = this.#bytes() - (known?.data.data.length ?? 0) + data.data.length;
      if ((known === undefined && before >= MAX_TOPICS) || bytes > MAX_BYTES) {
        throw new ActionError("Overloaded", "This node keeps as many events of others as it takes");
      }
      events.set({ topic, data: { ...data, data: data.data.slice() }, publishedAt });
    }
    if (events.size === 0) this.#kept.delete(caller);
    else this.#kept.set(caller, events);
    if ((before === 0) !== (this.size === 0)) this.#onChange();
  }

  /** A member is none any more, and what it had kept here is forgotten. */
  forget(peer: PeerId): void {
    const before = this.size;
    this.#kept.get(peer)?.clear();
    this.#kept.delete(peer);
    if (before > 0 && this.size === 0) this.#onChange();
  }

  #bytes(): number {
    let bytes = 0;
    for (const events of this.#kept.values()) bytes += events.bytes;
    return bytes;
  }
}

/** The nodes with the most weight for a topic keep its copies: the same ones each time, others for other topics (FNV-1a). */
function weight(peer: PeerId, topic: string): number {
  let hash = 0x811c9dc5;
  const text = `${peer} ${topic}`;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
