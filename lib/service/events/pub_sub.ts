/**
 * Publishing and subscribing on a node: who listens, here, in attached programs and on other nodes, and the events that
 * are kept for whoever subscribes later.
 * @module
 */

import { type MemoryAccount, memoryAccount, UNBOUNDED_ACCOUNT } from "../../base/mod.ts";
import type { BroadcastMode } from "../bounds.ts";
import type { ServiceDefinition } from "../service_definition.ts";
import type { Listener } from "../directory/mod.ts";
import {
  type EventSender,
  type OutgoingEvent,
  type PublishReport,
  reportSends,
  type RetainedEvent,
} from "./event_sender.ts";
import { ActionError, CallError, failure } from "../errors.ts";
import { isProgram, type PeerId, type ServicePeers } from "../ports.ts";
import type { NodeBase } from "../runtime_base.ts";
import { GroupTurns } from "./group_turns.ts";
import { onlyGroups, type Subscription, type Subscriptions } from "./subscriptions.ts";
import { showPath, TopicPath, TopicPattern } from "../topics/mod.ts";
import { copyValue, decodeValue, type EventMessage, isNoValue, type WireValue } from "../wire/mod.ts";

/** How many topics keep their last event. */
export const MAX_RETAINED = 1_024;
/** How many bytes all of them have together. */
export const MAX_RETAINED_BYTES: number = 4 << 20;

/** What a publisher may choose. */
export interface PublishOptions {
  /** Who gets it; `all` unless given. */
  readonly broadcastMode?: BroadcastMode;
  /** Keeps it as the topic's last event; without data, forgets the one that is kept. */
  readonly retain?: boolean;
}

/** Publishes for one node and its programs. */
export class PubSub {
  readonly retained: RetainedEvents;
  readonly #base: NodeBase;
  readonly #subscriptions: Subscriptions;
  readonly #sender: EventSender;
  readonly #onRetain: () => void;
  readonly #turns = new GroupTurns();

  /** @param onRetain is called when the first event is kept, or the last one forgotten */
  constructor(base: NodeBase, subscriptions: Subscriptions, sender: EventSender, onRetain: () => void) {
    this.retained = new RetainedEvents(memoryAccount(base.carrier.memory, "retained"));
    this.#base = base;
    this.#subscriptions = subscriptions;
    this.#sender = sender;
    this.#onRetain = onRetain;
  }

  /** `$events`: sends what was published to be kept to whoever asks. */
  definition(): ServiceDefinition {
    return {
      path: "$events",
      description: "What was published to be kept",
      actions: {
        past: ({ pattern }: { pattern: string }, { caller }) =>
          caller === undefined ? 0 : this.#sendPast(caller, pattern),
        mayPublish: {
          idempotent: true,
          handler: ({ topic }: { topic: string }, { caller }): PublishRight =>
            this.#mayPublish(caller, TopicPath.tryParse(String(topic))),
        },
      },
    };
  }

  /**
   * Publishes in the name of this node.
   * @returns once it is on its way to whoever listens
   */
  publish(topic: TopicPath, data: WireValue, options: PublishOptions): Promise<PublishReport> {
    const { broadcastMode = "all", retain = false } = options;
    const event = { topic, data, publishedAt: this.#base.clock.wall() };
    if (retain) this.#retain(event);
    return this.#spread(event, broadcastMode, undefined);
  }

  /** Publishes in the name of an attached program, which has delivered it to its own subscriptions. */
  publishFor(program: PeerId, topic: TopicPath, { data, publishedAt, groups, retain }: EventMessage): void {
    const event = { topic, data: copyValue(data), publishedAt };
    if (retain) this.#retain(event);
    void this.#spread(event, groups.length > 0 ? "one_per_service" : "all", program);
  }

  /** Delivers an event of another node, to this program and to attached ones. */
  handleEvent(peer: PeerId, topic: TopicPath, event: EventMessage): void {
    const { groups, publishedAt, past } = event;
    const only = onlyGroups(groups);
    this.#subscriptions.deliver(topic, event.data, publishedAt, peer, only, past);
    const listeners = this.#base.programs.listeners(topic).filter(({ group }) =>
      only === undefined || group === "" || only.has(group)
    );
    if (listeners.length === 0) return;
    const targets = groups.length === 0 ? everybody(listeners) : this.#choose(topic, listeners).groupsOf;
    const passed = { topic, data: copyValue(event.data), publishedAt, past };
    for (const [program, forGroups] of targets) void this.#sender.send(program, passed, forGroups);
  }

  /** Delivers what is kept here to a subscription, and has other nodes send what they keep. @param text its pattern */
  deliverPast(subscription: Subscription, text: string): void {
    const { pattern } = subscription;
    for (const { topic, data, publishedAt } of this.retained.matching(pattern)) {
      subscription.deliver({
        topic: showPath(topic),
        data: decodeValue(data),
        params: pattern.match(topic) ?? {},
        publishedAt,
        isPast: true,
        publisher: undefined,
      }, data);
    }
    void this.#askPast(text);
  }

  #mayPublish(caller: PeerId | undefined, topic: TopicPath | undefined): PublishRight {
    const { peers, peers: { self } } = this.#base;
    if (topic === undefined) return {};
    const publisher = caller === undefined || isProgram(caller) ? self : caller;
    if (peers.mayPublish(publisher, topic)) return {};
    const { message, hint = "" } = publishRefusal(peers, topic, publisher);
    return { refusal: { message, hint } };
  }

  /** @returns how many events were sent */
  #sendPast(peer: PeerId, text: string): number {
    const { peers, policy, peers: { self } } = this.#base;
    const pattern = TopicPattern.tryParse(String(text));
    if (pattern === undefined) return 0;
    if (!isProgram(peer) && !peers.maySubscribe(peer, pattern)) {
      throw new ActionError("Refused", `${showPath(pattern)} may not be heard from there`);
    }
    const events = this.retained.matching(pattern).filter(({ topic }) =>
      isProgram(peer) || policy.mayHear(self, peer, topic.toString())
    );
    for (const event of events) void this.#sender.send(peer, { ...event, past: true }, []);
    // What the others send reaches the program by way of this node.
    if (isProgram(peer)) void this.#askPast(text);
    return events.length;
  }

  /** What other nodes keep comes as events. Who does not answer is left out. */
  async #askPast(pattern: string): Promise<void> {
    const { directory, log, ask } = this.#base;
    await Promise.all(
      directory.retainers().map(async (peer) => {
        try {
          await ask(peer, "$events/past", { pattern });
        } catch (error) {
          log.debug("no past events", { from: peer, error });
        }
      }),
    );
  }

  /** @param from the program that publishes */
  #spread(event: OutgoingEvent, mode: BroadcastMode, from: PeerId | undefined): Promise<PublishReport> {
    const { topic, data, publishedAt } = event;
    const listeners = mode === "local_only" ? [] : this.#listeners(topic);
    const chosen = mode === "one_per_service" ? this.#choose(topic, listeners) : undefined;
    const local = this.#subscriptions.deliver(topic, data, publishedAt, from, chosen?.own, false);
    const targets = chosen?.groupsOf ?? everybody(listeners.filter(({ peer }) => peer !== from));
    const sends: (boolean | Promise<boolean>)[] = [];
    for (const [peer, groups] of targets) sends.push(this.#sender.send(peer, event, groups));
    return reportSends(local, sends);
  }

  #listeners(topic: TopicPath): readonly Listener[] {
    const { directory, policy, peers: { self } } = this.#base;
    const all = directory.listeners(topic);
    const text = topic.toString();
    const nodes = policy.isIdle ? all : all.filter(({ peer }) => policy.mayHear(self, peer, text));
    const programs = this.#base.programs.listeners(topic);
    return programs.length === 0 ? nodes : [...nodes, ...programs];
  }

  /** Of each group one subscriber, this node's if it has any; those without a group all. */
  #choose(topic: TopicPath, remote: readonly Listener[]) {
    const own = this.#subscriptions.groups(topic);
    // A peer counts once for a group, however many of its patterns match.
    const peersOf = new Map<string, Set<PeerId>>();
    for (const { peer, group } of remote) {
      if (group !== "" && own.has(group)) continue;
      // Whoever may not offer the service does not take its events from those who do.
      if (!isProgram(peer) && !this.#base.peers.mayJoinGroup(peer, group)) continue;
      const peers = peersOf.get(group);
      if (peers === undefined) peersOf.set(group, new Set([peer]));
      else peers.add(peer);
    }
    const groupsOf = new Map<PeerId, string[]>();
    const add = (peer: PeerId, group: string) => {
      const groups = groupsOf.get(peer);
      if (groups === undefined) groupsOf.set(peer, [group]);
      else groups.push(group);
    };
    for (const [group, peers] of peersOf) {
      if (group === "") { for (const peer of peers) add(peer, group); }
      else add([...peers][this.#turns.next(group, peers.size)] as PeerId, group);
    }
    return { groupsOf, own };
  }

  #retain(event: RetainedEvent): void {
    const before = this.retained.size;
    if (isNoValue(event.data)) this.retained.delete(event.topic);
    else this.retained.set(event);
    if ((before === 0) !== (this.retained.size === 0)) this.#onRetain();
  }
}

/** Whether a topic may be published to; the refusal says why not. */
export interface PublishRight {
  readonly refusal?: { readonly message: string; readonly hint: string };
}

/** @returns why a node may not publish to a topic, and what a leader can do */
export function publishRefusal(
  peers: Pick<ServicePeers, "self" | "nameOf" | "ownersOf">,
  topic: TopicPath,
  publisher: PeerId = peers.self,
): CallError {
  const owners = peers.ownersOf(topic);
  const reason = owners.length === 0
    ? "this node was not granted that"
    : `${owners.join(", ")} has the path above it`;
  const [service = ""] = showPath(topic).split("/");
  const grant = topic.segments.length > 1 ? `${service}/>` : service;
  const name = peers.nameOf(publisher) ?? publisher;
  return new CallError(failure("Refused", `Cannot publish to ${showPath(topic)}: ${reason}`), {
    hint: `On a leader, \`weft grant add ${name} --publish '${grant}'\` allows it.`,
  });
}

/** Keeps events; when there are too many, those that were published longest ago go. */
export class RetainedEvents {
  readonly #events = new Map<string, RetainedEvent>();
  readonly #memory: MemoryAccount;
  #bytes = 0;

  /** @param memory counts what is kept, which has a bound of its own */
  constructor(memory: MemoryAccount = UNBOUNDED_ACCOUNT) {
    this.#memory = memory;
  }

  get size(): number {
    return this.#events.size;
  }

  /** Keeps an event in the place of the topic's last one. */
  set(event: RetainedEvent): void {
    this.delete(event.topic);
    this.#events.set(event.topic.toString(), event);
    this.#bytes += event.data.data.length;
    this.#memory.charge(event.data.data.length);
    for (const { topic } of this.#events.values()) {
      if (this.#events.size <= MAX_RETAINED && this.#bytes <= MAX_RETAINED_BYTES) return;
      this.delete(topic);
    }
  }

  /** Forgets the topic's last event. */
  delete(topic: TopicPath): void {
    const key = topic.toString();
    const bytes = this.#events.get(key)?.data.data.length ?? 0;
    this.#bytes -= bytes;
    this.#memory.release(bytes);
    this.#events.delete(key);
  }

  /** @returns what is kept of the topics that match, oldest first */
  matching(pattern: TopicPattern): readonly RetainedEvent[] {
    return [...this.#events.values()].filter(({ topic }) => pattern.match(topic) !== undefined);
  }
}

function everybody(listeners: readonly Listener[]): ReadonlyMap<PeerId, readonly string[]> {
  return new Map(listeners.map(({ peer }) => [peer, []]));
}
