/**
 * Publishing and subscribing on a node: who listens, here, in attached programs and on other nodes, and the events that
 * are kept for whoever subscribes later.
 * @module
 */

import { memoryAccount, shellWord } from "../../base/mod.ts";
import type { CallContext } from "../call_context.ts";
import type { BroadcastMode } from "../bounds.ts";
import type { PublishOptions, PublishReport } from "../options.ts";
import type { ServiceDefinition } from "../service_definition.ts";
import type { Listener } from "../directory/mod.ts";
import { type EventSender, type OutgoingEvent, reportSends, type RetainedEvent } from "./event_sender.ts";
import { ActionError, CallError, failure, InvalidServiceError } from "../errors.ts";
import { isProgram, type PeerId, type ServicePeers } from "../ports.ts";
import type { NodeBase } from "../runtime_base.ts";
import { EventCopies, MAX_REPLICAS } from "./event_copies.ts";
import { RetainedEvents } from "./retained_events.ts";
import { LiveSubscriptions } from "./live_subscriptions.ts";
import { GroupTurns } from "./group_turns.ts";
import type { Subscription } from "./subscription.ts";
import { onlyGroups, type Subscriptions } from "./subscriptions.ts";
import { showPath, TopicPath, TopicPattern } from "../topics/mod.ts";
import {
  copyValue,
  type EventMessage,
  isNoValue,
  type PropagatedContext,
  type WireValue,
} from "../wire/mod.ts";

const NO_GROUPS: readonly string[] = [];

/** Publishes for one node and its programs. */
export class PubSub {
  readonly retained: RetainedEvents;
  readonly #base: NodeBase;
  readonly #subscriptions: Subscriptions;
  readonly #sender: EventSender;
  readonly #onRetain: () => void;
  readonly #turns = new GroupTurns();
  readonly live: LiveSubscriptions;
  readonly copies: EventCopies;

  /** @param onRetain is called when the first event is kept, or the last one forgotten */
  constructor(base: NodeBase, subscriptions: Subscriptions, sender: EventSender, onRetain: () => void) {
    this.retained = new RetainedEvents(memoryAccount(base.carrier.memory, "retained"));
    this.#base = base;
    this.live = new LiveSubscriptions(base);
    this.copies = new EventCopies(base, onRetain);
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
        keep: {
          idempotent: true,
          handler: (params: unknown, context: CallContext) => this.copies.keep(params, context),
        },
        listens: {
          idempotent: true,
          handler: (params: unknown, { caller }) => this.live.answer(params, caller),
        },
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
   * @param data its bytes are good for this turn
   * @returns once it is on its way to whoever listens
   */
  publish(
    topic: TopicPath,
    data: WireValue,
    options: PublishOptions,
    context: PropagatedContext | undefined,
  ): Promise<PublishReport> {
    const { broadcastMode = "all", retain = false } = options;
    const replicas = readReplicas(options);
    const event = { topic, data, publishedAt: this.#base.clock.wall(), context };
    this.#base.stats.events.published++;
    const copied = retain ? this.#retain(event, replicas) : undefined;
    const spread = this.#spread(event, broadcastMode, undefined);
    if (replicas === 0 || copied === undefined) return spread;
    return Promise.all([spread, copied]).then(([report, copies]) => ({ ...report, copies }));
  }

  /** Tells this program and those that are attached, and nobody else. */
  publishHere(topic: TopicPath, data: WireValue): void {
    const event = { topic, data, publishedAt: this.#base.clock.wall() };
    this.#subscriptions.deliver(event, undefined, undefined);
    for (const program of everybody(this.#base.programs.listeners(topic)).keys()) {
      void this.#sender.send(program, event, []);
    }
  }

  /** Publishes in the name of an attached program, which has delivered it to its own subscriptions. */
  publishFor(program: PeerId, topic: TopicPath, message: EventMessage): void {
    const { data, publishedAt, groups, retain, replicas = 0, context } = message;
    const event = { topic, data, publishedAt, context };
    this.#base.stats.events.published++;
    if (retain) void this.#retain(event, Math.min(replicas, MAX_REPLICAS));
    void this.#spread(event, groups.length > 0 ? "one_per_service" : "all", program);
  }

  /** Delivers an event of another node, to this program and to attached ones. */
  handleEvent(peer: PeerId, topic: TopicPath, event: EventMessage): void {
    const { groups, data, publishedAt, past, context } = event;
    const only = onlyGroups(groups);
    const passed = { topic, data, publishedAt, past, context };
    this.#subscriptions.deliver(passed, peer, only);
    const all = this.#base.programs.listeners(topic);
    if (all.length > 0) this.#passOn(all, passed, groups, only);
  }

  /** Delivers an event of another node to attached programs. */
  #passOn(
    all: readonly Listener[],
    event: OutgoingEvent,
    groups: readonly string[],
    only: ReadonlySet<string> | undefined,
  ): void {
    const listeners = all.filter(({ group }) => only === undefined || group === "" || only.has(group));
    if (listeners.length === 0) return;
    const targets = groups.length === 0
      ? everybody(listeners)
      : this.#choose(event.topic, listeners).groupsOf;
    for (const [program, forGroups] of targets) void this.#sender.send(program, event, forGroups);
  }

  /** Delivers what is kept here to a subscription, and has other nodes send what they keep. @param text its pattern */
  deliverPast(subscription: Subscription, text: string): void {
    const { pattern } = subscription;
    for (const event of this.#kept(pattern)) {
      this.#subscriptions.deliverPast(subscription, event);
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
    const events = this.#kept(pattern).filter(({ topic }) =>
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
    const { topic } = event;
    const listeners = mode === "local_only" ? [] : this.#listeners(topic);
    const chosen = mode === "one_per_service" ? this.#choose(topic, listeners) : undefined;
    const sends: (boolean | Promise<boolean>)[] = [];
    // Before handlers of this program run, which may write into the bytes that were published.
    const [only] = listeners;
    if (chosen === undefined && only !== undefined && listeners.length === 1) {
      if (only.peer !== from) sends.push(this.#sender.send(only.peer, event, NO_GROUPS));
    } else if (listeners.length > 0) {
      const targets = chosen?.groupsOf ?? everybody(listeners, from);
      for (const [peer, groups] of targets) sends.push(this.#sender.send(peer, event, groups));
    }
    return reportSends(this.#subscriptions.deliver(event, from, chosen?.own), sends);
  }

  #listeners(topic: TopicPath): readonly Listener[] {
    const { directory, policy, peers: { self } } = this.#base;
    const all = directory.listeners(topic);
    const nodes = policy.isIdle ? all : thoseWhoMayHear(all, policy, self, topic.toString());
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

  /** Whether anything is kept here for whoever subscribes later. */
  get retains(): boolean {
    return this.retained.size + this.copies.size > 0;
  }

  /** @returns the newest of each topic, of this node's events and the copies of others', oldest first */
  #kept(pattern: TopicPattern): readonly RetainedEvent[] {
    const newest = new Map<string, RetainedEvent>();
    for (const event of [...this.copies.matching(pattern), ...this.retained.matching(pattern)]) {
      const text = event.topic.toString();
      const known = newest.get(text);
      if (known === undefined || known.publishedAt <= event.publishedAt) newest.set(text, event);
    }
    return [...newest.values()].sort((a, b) => a.publishedAt - b.publishedAt);
  }

  /** @returns how many other nodes keep it */
  #retain(event: RetainedEvent, replicas: number): Promise<number> {
    const before = this.retained.size;
    // What came along is of that moment, and is not kept.
    const kept = { topic: event.topic, data: copyValue(event.data), publishedAt: event.publishedAt };
    if (isNoValue(kept.data)) this.retained.delete(kept.topic);
    else this.retained.set(kept);
    if ((before === 0) !== (this.retained.size === 0)) this.#onRetain();
    return this.copies.spread(kept, replicas);
  }
}

/** @returns on how many other nodes an event is to be kept @throws InvalidServiceError */
export function readReplicas({ replicas = 0, retain = false }: PublishOptions): number {
  if (!Number.isInteger(replicas) || replicas < 0 || replicas > MAX_REPLICAS || (replicas > 0 && !retain)) {
    throw new InvalidServiceError(
      `Cannot keep an event on ${replicas} other nodes: it is a whole number up to ${MAX_REPLICAS}, beside retain`,
    );
  }
  return replicas;
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
    hint: `On a leader, \`weft grant add ${name} --publish ${shellWord(grant)}\` allows it.`,
  });
}

function thoseWhoMayHear(
  all: readonly Listener[],
  policy: NodeBase["policy"],
  self: PeerId,
  topic: string,
): readonly Listener[] {
  return all.filter(({ peer }) => policy.mayHear(self, peer, topic));
}

/** @param but who is left out */
function everybody(
  listeners: readonly Listener[],
  but?: PeerId,
): ReadonlyMap<PeerId, readonly string[]> {
  const heard = listeners.filter(({ peer }) => peer !== but);
  return new Map(heard.map(({ peer }) => [peer, NO_GROUPS]));
}
