/**
 * Which ways there are to a member, in which order they are worth a try, and trying one.
 * @module
 */

import { type Environment, KeyedRateLimiter, type Millis, millis } from "../../base/mod.ts";
import type { HandshakeSetup } from "../../channel/mod.ts";
import type {
  Member,
  NetworkId,
  NodeId,
  NodeIdentity,
  ProtocolVersions,
  Roster,
  Succession,
} from "../../mesh/mod.ts";
import { Endpoint, type WebAddress } from "../../net/mod.ts";
import type { EndpointSelector } from "../endpoint_selector.ts";
import {
  dialChannel,
  type DialFailure,
  type DialledChannel,
  type DialOptions,
  type DialStream,
  openOver,
} from "./dial.ts";
import type { LinkTable, LinkWay } from "./link_table.ts";
import { encodeRelayHeader, RELAY_TOPIC, RelayRefusal, StreamBytes } from "./relay/mod.ts";

/** Of what one member states: its eight endpoints some times over, then two dials a second. */
const MEMBER_DIALS = { burst: 32, everyMs: 500, maxSources: 4_096 };
/** Of what all of them state. */
const TOTAL_DIALS = { burst: 256, everyMs: 20, maxSources: 1 };
/** Through so many members at most one is looked for at a time. */
const MAX_RELAYS = 3;
/** How long a member that relays for nobody is not asked again, and one that did not lead to somebody, for that one. */
const UNWILLING_MS = 600_000;
const FRUITLESS_MS = 15_000;
/** How many of those are remembered. */
const MAX_AVOIDED = 4_096;
/** Of the ports at which a member states its message plane, so many are tried at its address in the overlay. */
const MAX_TUNNEL_PORTS = 2;

/** Whether a URL can mean another host. */
function isElsewhere({ hostname, address }: WebAddress): boolean {
  if (address === undefined) return !/(^|\.)localhost\.?$/.test(hostname);
  const one = address.unmapped();
  return !one.isLoopback && !one.isLinkLocal && !one.isMulticast && !one.isUnspecified;
}

/** Who dials, and what is known of whom. */
export interface MemberWaysParts extends Pick<Environment, "clock"> {
  readonly identity: NodeIdentity;
  readonly networkId: NetworkId;
  readonly roster: Roster;
  readonly links: LinkTable;
  readonly setup: HandshakeSetup;
  readonly dial: DialStream;
  /** What this node speaks; what its release does when left out. */
  readonly protocols?: ProtocolVersions | undefined;
  readonly endpoints: Pick<EndpointSelector, "channelEndpoints">;
  /** @returns what is shown to those who may know this node by former keys alone */
  succession?(): Succession | undefined;
  /** @returns whether packets between this node's interface and that of a member arrive now; they never do without it */
  tunnelIsUp?(nodeId: NodeId): boolean;
  /** @returns members that may relay, the best first; those with links, leaders first, without it */
  relaysFor?(nodeId: NodeId): readonly NodeId[];
}

/** Knows what has worked. */
export class MemberWays {
  readonly #parts: MemberWaysParts;
  readonly #memberDials = new KeyedRateLimiter(MEMBER_DIALS);
  readonly #totalDials = new KeyedRateLimiter(TOTAL_DIALS);
  /** Members that did not answer at any endpoint when they were dialled last. */
  readonly #undialable = new Set<NodeId>();
  /** Relays, or relays and targets, that are asked only when no other is left, until when. */
  readonly #avoided = new Map<string, Millis>();

  constructor(parts: MemberWaysParts) {
    this.#parts = parts;
  }

  /** Whether a member answered at one of its endpoints; a relay comes first until it does. */
  noteDirect(nodeId: NodeId, works: boolean): void {
    if (works) this.#undialable.delete(nodeId);
    else if (this.#parts.roster.linkable(nodeId) !== undefined) this.#undialable.add(nodeId);
    // Of those who are no members any more nobody is told.
    if (this.#undialable.size > MAX_AVOIDED) this.#undialable.clear();
  }

  /** @returns the ways to a member: its endpoints, and URLs and relays between them so that one of them is tried soon */
  all(member: Member): LinkWay[] {
    const direct = this.direct(member);
    const detours = [...this.#web(member), ...this.relays(member.record.nodeId)];
    const [first, second] = this.#undialable.has(member.record.nodeId)
      ? [detours, direct]
      : [direct, detours];
    const ways: LinkWay[] = [];
    for (let i = 0; i < Math.max(first.length, second.length); i++) {
      const [one, other] = [first[i], second[i]];
      if (one !== undefined) ways.push(one);
      if (other !== undefined) ways.push(other);
    }
    return ways;
  }

  /** @returns the ways that go through nobody else: endpoints, and the tunnel when it is up, which ends with a membership */
  direct(member: Member): LinkWay[] {
    const { endpoints, tunnelIsUp } = this.#parts;
    const direct = endpoints.channelEndpoints(member)
      .map((endpoint) => ({ kind: "direct", endpoint }) as const);
    // What a leader has to say to a member that leaves would be lost with the tunnel, so it comes last.
    return tunnelIsUp?.(member.record.nodeId) ? [...direct, ...this.#tunnel(member)] : direct;
  }

  /**
   * Whether another member that has a link is at an endpoint now, and refuses what is meant for the former one: a machine
   * that was set up anew often has the address that it had before.
   */
  isOfAnother(way: LinkWay, nodeId: NodeId): boolean {
    if (way.kind !== "direct") return false;
    const { links, roster } = this.#parts;
    return links.all().some((link) =>
      link.nodeId !== nodeId &&
      roster.get(link.nodeId)?.statement?.channelEndpoints.some((each) => each.equals(way.endpoint))
    );
  }

  /** @returns the ways through other members */
  relays(nodeId: NodeId): LinkWay[] {
    const { clock, links } = this.#parts;
    const now = clock.now();
    const isAvoided = (key: string): boolean => (this.#avoided.get(key) ?? -Infinity) > now;
    const candidates = (this.#parts.relaysFor?.(nodeId) ?? this.#linked())
      .filter((via) => {
        const link = links.get(via);
        return via !== nodeId && link?.channel.isOpen && link.way.kind !== "relay" && !isAvoided(via);
      });
    const [good, fruitless] = [false, true].map((isFruitless) =>
      candidates.filter((via) => isAvoided(`${via} ${nodeId}`) === isFruitless)
    );
    return [...good ?? [], ...fruitless ?? []].slice(0, MAX_RELAYS).map((via) => ({ kind: "relay", via }));
  }

  /** A relay has led to nobody, or a link through it has died. */
  noteFruitless(via: NodeId, nodeId: NodeId): void {
    this.#avoid(`${via} ${nodeId}`, FRUITLESS_MS);
  }

  /** Tries one way to a member. @returns its channel, or why there is none */
  async open(member: Member, way: LinkWay, signal: AbortSignal): Promise<DialledChannel | DialFailure> {
    const { identity, networkId, dial, setup, clock, protocols } = this.#parts;
    const { nodeId, publicKey: remoteStatic } = member.record;
    // A statement is its signer's word: it sends nobody anywhere faster than this.
    const now = clock.now();
    if (!this.#memberDials.allows(now, nodeId) || !this.#totalDials.allows(now, "")) return "nobody";
    const plain = { kind: "member", networkId, nodeId: identity.id } as const;
    const options = { ...setup, remoteStatic, hello: plain, protocols, signal };
    if (way.kind === "relay") return await this.#openThrough(way.via, nodeId, options);
    const target = way.kind === "web" ? way.at : way.endpoint;
    const opened = await dialChannel(target, dial, options);
    const succession = opened === "refused" ? this.#parts.succession?.() : undefined;
    if (succession === undefined) return opened;
    return await dialChannel(target, dial, { ...options, hello: { ...plain, succession } });
  }

  async #openThrough(
    via: NodeId,
    nodeId: NodeId,
    options: DialOptions,
  ): Promise<DialledChannel | DialFailure> {
    const channel = this.#parts.links.get(via)?.channel;
    if (channel === undefined) return "nobody";
    const stream = channel.openStream(RELAY_TOPIC, encodeRelayHeader(nodeId));
    const opened = await openOver(new StreamBytes(stream, `relay ${via.slice(0, 8)}`), options);
    if (typeof opened === "object") return opened;
    if (stream.resetCode === RelayRefusal.unwilling) this.#avoid(via, UNWILLING_MS);
    else if (!options.signal.aborted) this.noteFruitless(via, nodeId);
    return "failed";
  }

  #avoid(key: string, forMs: number): void {
    this.#avoided.delete(key);
    this.#avoided.set(key, millis(this.#parts.clock.now() + forMs));
    if (this.#avoided.size <= MAX_AVOIDED) return;
    const [oldest] = this.#avoided.keys();
    if (oldest !== undefined) this.#avoided.delete(oldest);
  }

  #linked(): NodeId[] {
    const { links, roster } = this.#parts;
    const isLeader = (nodeId: NodeId): boolean =>
      roster.linkable(nodeId)?.record.roles.includes("leader") ?? false;
    const rank = (rttMs: number | undefined, nodeId: NodeId): number =>
      (isLeader(nodeId) ? 0 : 1_000_000) + (rttMs ?? 0);
    return links.all()
      .map(({ nodeId, channel }) => ({ nodeId, rank: rank(channel.lastRttMs, nodeId) }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ nodeId }) => nodeId);
  }

  /** Whoever states a URL has others send a request there: leaders are believed, but not that they are this host. */
  #web({ record, statement }: Member): LinkWay[] {
    if (!record.roles.includes("leader")) return [];
    return (statement?.urls ?? []).filter(isElsewhere).map((at) => ({ kind: "web", at }));
  }

  #tunnel({ record, statement }: Member): LinkWay[] {
    const ports = new Set(statement?.channelEndpoints.map(({ port }) => port));
    const [address] = record.addresses;
    if (address === undefined) return [];
    return [...ports].slice(0, MAX_TUNNEL_PORTS)
      .map((port) => ({ kind: "tunnel", endpoint: new Endpoint(address, port) }));
  }
}
