/**
 * Publishing and subscribing.
 * @module
 */

import type { Clock } from "../../base/mod.ts";
import type { EventHandler, ServiceEvent } from "../definition/mod.ts";
import {
  copyValue,
  decodeValue,
  type EventMessage,
  type MessageCarrier,
  type WireValue,
} from "../wire/mod.ts";
import { isProgram, type PeerId, type PeerLinks } from "../ports.ts";
import { type RetainedEvent, RetainedEvents } from "./retained_events.ts";
import type { Listener, ServiceDirectory } from "../directory/mod.ts";
import { type SubscribeOptions, Subscription } from "./subscription.ts";
import { showPath, TopicPath, TopicPattern, TopicTrie } from "../topics/mod.ts";

/**
 * Every subscriber; of those that belong to one service, one; those of this node. Which one is chosen by what nodes tell
 * of their patterns: of a node with more than 512 patterns of services that is not exact, and an event can be lost there.
 */
export type BroadcastMode = "all" | "one_per_service" | "local_only";

/** What a publisher may choose. */
export interface PublishOptions {
  /** Who hears it; `all` unless told. */
  readonly broadcastMode?: BroadcastMode;
  /** Keeps it as the topic's last event; without data, forgets the one that is kept. */
  readonly retain?: boolean;
}

/** How many events wait for one link that is slow or not there; further ones are lost. */
export const MAX_WAITING_EVENTS = 1_024;

/** What a program tells its agent in place of the groups, which the agent knows. */
const ANY_GROUP = "*";

/** What became of an event. */
export interface PublishReport {
  /** How many subscriptions of this node it was handed to. */
  readonly local: number;
  /** How many nodes it was sent to. */
  readonly sent: number;
  /** How many nodes could not be reached. */
  readonly lost: number;
}

/** An event on its way. */
interface Passed extends RetainedEvent {
  readonly past?: boolean;
  readonly retain?: boolean;
}

/** What it is made of. */
export interface PubSubParts {
  readonly clock: Clock;
  readonly links: PeerLinks;
  readonly carrier: MessageCarrier;
  readonly directory: ServiceDirectory;
  /** Where programs that are attached send everything; undefined for a node. */
  readonly upstream: PeerId | undefined;
  /** Subscriptions or retained events have come or gone. */
  onChange(): void;
}

/** The subscriptions of one node, and what it publishes. */
export class PubSub {
  readonly retained: RetainedEvents = new RetainedEvents();
  readonly #parts: PubSubParts;
  readonly #subscriptions = new TopicTrie<Subscription>();
  /** Sends that wait for a link, one after the other. */
  readonly #waiting = new Map<PeerId, { count: number; last: Promise<unknown> }>();
  #turn = 0;
  #rejected = 0;

  constructor(parts: PubSubParts) {
    this.#parts = parts;
  }

  /** Events of others whose topic or data could not be read. */
  get rejected(): number {
    return this.#rejected;
  }

  /** @throws InvalidTopicError, InvalidServiceError */
  subscribe(pattern: string, handler: EventHandler, options: SubscribeOptions = {}): Subscription {
    const parsed = TopicPattern.parse(pattern);
    const subscription: Subscription = new Subscription(parsed, handler, options, () => {
      takeBack();
      this.#parts.onChange();
    });
    const takeBack = this.#subscriptions.add(parsed, subscription);
    this.#parts.onChange();
    if (options.includePast) {
      for (const event of this.retained.matching(parsed)) this.#deliverTo(subscription, event, true);
    }
    return subscription;
  }

  /** The patterns of this node, each once a group. */
  subscriptions(): readonly Subscription[] {
    return this.#subscriptions.values();
  }

  /**
   * Publishes in the name of this node.
   * @returns once it is on its way to whoever listens
   */
  publish(topic: TopicPath, data: WireValue, options: PublishOptions = {}): Promise<PublishReport> {
    const { clock, carrier } = this.#parts;
    const { broadcastMode = "all", retain = false } = options;
    carrier.checkLength(data);
    const publishedAt = clock.wall();
    // What a program wants to be kept its agent keeps, for longer than the program lives.
    if (retain && this.#parts.upstream === undefined) this.#retain({ topic, data, publishedAt });
    return this.#spread({ topic, data, publishedAt, retain }, broadcastMode, undefined);
  }

  /** Takes an event in. */
  handleEvent(peer: PeerId, event: EventMessage): void {
    const { directory } = this.#parts;
    const topic = TopicPath.tryParse(event.topic);
    if (topic === undefined) {
      this.#rejected++;
      return;
    }
    const { groups, publishedAt, past } = event;
    if (isProgram(peer)) {
      const mode = groups.length > 0 ? "one_per_service" : "all";
      const passed = { topic, data: copyValue(event.data), publishedAt, retain: false };
      if (event.retain) this.#retain(passed);
      return void this.#spread(passed, mode, peer);
    }
    const isFor = (group: string) => groups.length === 0 || group === "" || groups.includes(group);
    this.#deliver(topic, event.data, publishedAt, peer, ({ group }) => isFor(group), past);
    const programs = directory.listeners(topic).filter((one) => isProgram(one.peer) && isFor(one.group));
    if (programs.length === 0) return;
    const data = copyValue(event.data);
    const targets = groups.length === 0 ? everybody(programs) : this.#choose(topic, programs).groupsOf;
    const passed = { topic, data, publishedAt, past };
    for (const [program, forGroups] of targets) void this.#send(program, passed, forGroups);
  }

  /**
   * Sends what is kept to whoever asks, and if that is a program, has others do the same.
   * @returns how many events were sent
   */
  sendPast(peer: PeerId, pattern: string, askOthers: (pattern: string) => Promise<void>): number {
    const parsed = TopicPattern.tryParse(String(pattern));
    if (parsed === undefined) return 0;
    const events = this.retained.matching(parsed);
    for (const event of events) void this.#send(peer, { ...event, past: true }, []);
    if (isProgram(peer)) void askOthers(pattern);
    return events.length;
  }

  /** No async function: nothing is waited for as long as links have room. */
  #spread(event: Passed, mode: BroadcastMode, from: PeerId | undefined): Promise<PublishReport> {
    const { upstream, directory } = this.#parts;
    const { topic, data, publishedAt } = event;
    if (upstream !== undefined && mode !== "local_only") {
      // The agent knows who listens, this program too.
      const isAll = mode === "all";
      const local = isAll ? this.#deliver(topic, data, publishedAt, from, () => true, false) : 0;
      return reported(local, [this.#send(upstream, event, isAll ? [] : [ANY_GROUP])]);
    }
    const listeners = mode === "local_only" ? [] : directory.listeners(topic);
    const chosen = mode === "one_per_service" ? this.#choose(topic, listeners) : undefined;
    const local = this.#deliver(
      topic,
      data,
      publishedAt,
      from,
      ({ group }) => chosen?.isLocal(group) ?? true,
      false,
    );
    // A program has served its own subscriptions itself.
    const targets = chosen?.groupsOf ?? everybody(listeners.filter(({ peer }) => peer !== from));
    const passed = { ...event, retain: false };
    const sends: (boolean | Promise<boolean>)[] = [];
    for (const [peer, groups] of targets) sends.push(this.#send(peer, passed, groups));
    return reported(local, sends);
  }

  /** Of each group one subscriber, this node's if it has any; those without a group all. */
  #choose(topic: TopicPath, remote: readonly Listener[]) {
    const own = new Set(this.#subscriptions.match(topic).map(({ value }) => value.group));
    const peersOf = new Map<string, PeerId[]>();
    for (const { peer, group } of remote) {
      if (group !== "" && own.has(group)) continue;
      const peers = peersOf.get(group);
      if (peers === undefined) peersOf.set(group, [peer]);
      else peers.push(peer);
    }
    const groupsOf = new Map<PeerId, readonly string[]>();
    const add = (peer: PeerId, group: string) => groupsOf.set(peer, [...groupsOf.get(peer) ?? [], group]);
    for (const [group, peers] of peersOf) {
      if (group === "") { for (const peer of peers) add(peer, group); }
      else add(peers[this.#turn++ % peers.length] as PeerId, group);
    }
    return { groupsOf, isLocal: (group: string) => own.has(group) };
  }

  #send(
    peer: PeerId,
    { topic, data, publishedAt, past = false, retain = false }: Passed,
    groups: readonly string[],
  ): boolean | Promise<boolean> {
    const { carrier } = this.#parts;
    const message: EventMessage = {
      kind: "event",
      topic: topic.toString(),
      data,
      publishedAt,
      groups,
      past,
      retain,
    };
    const before = this.#waiting.get(peer);
    if (before === undefined && carrier.isShort(data) && carrier.post(peer, message) === "queued") {
      return true;
    }
    // In order, behind what waits for the same link.
    const queue = before ?? { count: 0, last: Promise.resolve() };
    if (queue.count === MAX_WAITING_EVENTS) return false;
    queue.count++;
    this.#waiting.set(peer, queue);
    const sending = queue.last.then(() => this.#sendSlowly(peer, message)).catch(() => false);
    queue.last = sending.then(() => {
      if (--queue.count === 0) this.#waiting.delete(peer);
    });
    return sending;
  }

  async #sendSlowly(peer: PeerId, message: EventMessage): Promise<boolean> {
    const { carrier, links } = this.#parts;
    for (let i = 0; i < 2; i++) {
      const outcome = carrier.isShort(message.data)
        ? carrier.post(peer, message)
        : await carrier.sendLong(peer, message.data, (data) => ({ ...message, data }));
      if (outcome === "queued") return true;
      if (outcome === "refused") return false;
      if (outcome === "congested") await links.drained(peer);
      else if (!await links.reach(peer)) return false;
    }
    return false;
  }

  #retain(event: RetainedEvent): void {
    const before = this.retained.size;
    if (event.data.data.length === 0) this.retained.delete(event.topic);
    else this.retained.set(event);
    if ((before === 0) !== (this.retained.size === 0)) this.#parts.onChange();
  }

  /** @returns how many subscriptions it was handed to */
  #deliver(
    topic: TopicPath,
    data: WireValue,
    publishedAt: number,
    publisher: PeerId | undefined,
    listens: (subscription: Subscription) => boolean,
    isPast: boolean,
  ): number {
    const matches = this.#subscriptions.match(topic);
    if (matches.length === 0) return 0;
    let value: unknown;
    try {
      value = decodeValue(data);
    } catch {
      if (publisher !== undefined) this.#rejected++;
      return 0;
    }
    const text = showPath(topic);
    let delivered = 0;
    for (const { value: subscription, params } of matches) {
      if (!listens(subscription) || (isPast && !subscription.includesPast)) continue;
      delivered++;
      subscription.deliver({ topic: text, data: value, params, publishedAt, isPast, publisher });
    }
    return delivered;
  }

  #deliverTo(subscription: Subscription, { topic, data, publishedAt }: RetainedEvent, isPast: boolean): void {
    const event: ServiceEvent = {
      topic: showPath(topic),
      data: decodeValue(data),
      params: subscription.pattern.match(topic) ?? {},
      publishedAt,
      isPast,
      publisher: undefined,
    };
    subscription.deliver(event);
  }
}

function everybody(listeners: readonly Listener[]): ReadonlyMap<PeerId, readonly string[]> {
  return new Map(listeners.map(({ peer }) => [peer, []]));
}

function reported(local: number, sends: readonly (boolean | Promise<boolean>)[]): Promise<PublishReport> {
  const report = (done: readonly boolean[]): PublishReport => {
    const sent = done.filter(Boolean).length;
    return { local, sent, lost: done.length - sent };
  };
  const isDone = (send: boolean | Promise<boolean>): send is boolean => typeof send === "boolean";
  return sends.every(isDone) ? Promise.resolve(report(sends)) : Promise.all(sends).then(report);
}
