/**
 * When to announce this node, whom to answer, and who has announced itself.
 *
 * A member announces itself at once, then every 30 s; after a newcomer's first announcement, within a second, so that the
 * other learns of it too. A seeker seeks every second, and leaders answer it and it alone. Nobody else is answered.
 *
 * @module
 */

import {
  Counters,
  encodeHex,
  KeyedRateLimiter,
  type Millis,
  millis,
  randomBytes,
  randomFraction,
  type RandomSource,
} from "../base/mod.ts";
import { Endpoint } from "../net/mod.ts";
import { type Announcement, AnnouncementCodec, type AnnouncementKind, NONCE_BYTES } from "./announcement.ts";

const ANNOUNCE_MS = 30_000;
const SEEK_MS = 1_000;
/** Each pause is shortened by up to this part, so that nodes that started together do not stay together. */
const JITTER = 0.2;
/** Three announcements may be lost. */
const FORGET_AFTER_MS = 4 * ANNOUNCE_MS;
/** After a newcomer all others announce themselves within so long; with more than 50 of them, within 20 ms each. */
const WELCOME_MS = 1_000;
const WELCOME_MS_EACH = 20;
/** The node whose last announcement is the oldest gives way. */
const MAX_NODES = 1_024;
/** A node on several networks announces itself from an address in each. */
const MAX_ENDPOINTS_EACH = 4;
/** One announcement comes by several providers and interfaces. */
const MAX_NONCES = 1_024;
const SOURCE_LIMITS = { burst: 40, everyMs: 100, maxSources: 4_096 };
/** Sources can be forged, so there is a limit for all together. */
const TOTAL_LIMITS = { burst: 1_000, everyMs: 2, maxSources: 1 };

const DROP_REASONS = [
  "discovery-too-many",
  "discovery-malformed",
  "discovery-foreign",
  "discovery-source",
] as const;

/** What a node is to its neighbours. */
export type DiscoveryRole =
  /** Announces itself, and answers seekers when `isLeader` says so at that moment. */
  | { readonly kind: "member"; readonly port: number; isLeader(): boolean }
  /** Holds a token and looks for a leader. */
  | { readonly kind: "seeker" };

/** Who this node is, and whether it announces itself or seeks. */
export interface DiscoveryOptions {
  /** 32 hexadecimal digits. */
  readonly networkId: string;
  /** This node's, 32 hexadecimal digits. */
  readonly nodeId: string;
  readonly role: DiscoveryRole;
  readonly random: RandomSource;
}

/** Somebody announced itself at a new endpoint, or said goodbye. Nothing of it is proved. */
export interface DiscoveryEvent {
  readonly kind: "found" | "left";
  readonly nodeId: string;
  readonly endpoint: Endpoint;
}

/** A datagram to send, to one destination or by every provider. */
export interface DiscoveryTransmit {
  readonly datagram: Uint8Array;
  readonly destination?: Endpoint;
}

interface Announced {
  readonly endpoint: Endpoint;
  at: Millis;
}

/** The discovery of one node; `handleTimeout` may be called early and often. */
export class DiscoveryState {
  readonly #options: DiscoveryOptions;
  readonly #codec: AnnouncementCodec;
  /** How many announcements were dropped, by reason. */
  readonly drops: Counters<typeof DROP_REASONS[number]> = new Counters(DROP_REASONS);
  readonly #sourceLimiter = new KeyedRateLimiter(SOURCE_LIMITS);
  readonly #totalLimiter = new KeyedRateLimiter(TOTAL_LIMITS);
  /** The newest last. */
  readonly #nodes = new Map<string, Announced[]>();
  readonly #nonces = new Set<string>();
  readonly #transmits: DiscoveryTransmit[] = [];
  readonly #events: DiscoveryEvent[] = [];
  #dueAt: Millis;

  /** @throws RangeError when an id or the port is none */
  constructor(now: Millis, options: DiscoveryOptions) {
    this.#options = options;
    this.#codec = new AnnouncementCodec(options.networkId);
    this.#dueAt = now;
    this.#encode("announce");
  }

  /** How many nodes have announced themselves lately. */
  get size(): number {
    return this.#nodes.size;
  }

  /** @param source where it came from */
  handleDatagram(now: Millis, datagram: Uint8Array, source: Endpoint): void {
    if (!this.#sourceLimiter.allows(now, source.address.toString()) || !this.#totalLimiter.allows(now, "")) {
      return this.drops.count("discovery-too-many");
    }
    const announcement = this.#codec.decode(datagram);
    if (announcement === undefined) return this.drops.count("discovery-malformed");
    if (announcement === "foreign") return this.drops.count("discovery-foreign");
    const { address } = source;
    if (address.isUnspecified || address.isMulticast || source.port === 0) {
      return this.drops.count("discovery-source");
    }
    if (announcement.nodeId === this.#options.nodeId) return;
    const key = `${announcement.nonce} ${address}`;
    if (this.#nonces.has(key)) return;
    this.#nonces.add(key);
    dropOldest(this.#nonces, MAX_NONCES);
    this.#follow(now, announcement, source);
  }

  /** Something about this node has changed, such as its addresses: the others are sent it at once. */
  handleChange(now: Millis): void {
    this.#dueAt = now;
  }

  /** Announces when that is due, and forgets who has fallen silent. */
  handleTimeout(now: Millis): void {
    if (now >= this.#dueAt) {
      const { role, random } = this.#options;
      const isMember = role.kind === "member";
      this.#transmits.push({ datagram: this.#encode(isMember ? "announce" : "seek") });
      const pauseMs = isMember ? ANNOUNCE_MS : SEEK_MS;
      this.#dueAt = millis(now + pauseMs * (1 - JITTER * randomFraction(random)));
    }
    for (const [nodeId, announced] of this.#nodes) {
      const recent = announced.filter(({ at }) => now - at < FORGET_AFTER_MS);
      if (recent.length === 0) this.#nodes.delete(nodeId);
      else if (recent.length < announced.length) this.#nodes.set(nodeId, recent);
    }
  }

  /** @returns when `handleTimeout` has something to do */
  pollTimeout(): Millis {
    return this.#dueAt;
  }

  /** @returns what is to be sent, or undefined */
  pollTransmit(): DiscoveryTransmit | undefined {
    return this.#transmits.shift();
  }

  /** @returns what has happened, or undefined */
  pollEvent(): DiscoveryEvent | undefined {
    return this.#events.shift();
  }

  /** @returns where a node has announced itself from, the latest first */
  endpointsOf(nodeId: string): Endpoint[] {
    return (this.#nodes.get(nodeId) ?? []).map(({ endpoint }) => endpoint).reverse();
  }

  /** @returns the goodbye to send to all; undefined for a seeker, whom nobody knows */
  goodbye(): Uint8Array | undefined {
    return this.#options.role.kind === "member" ? this.#encode("goodbye") : undefined;
  }

  #follow(now: Millis, { kind, port, nodeId }: Announcement, source: Endpoint): void {
    const { role } = this.#options;
    if (kind === "seek") {
      if (role.kind !== "member" || !role.isLeader()) return;
      this.#transmits.push({ datagram: this.#encode("here"), destination: source });
      return;
    }
    // A seeker needs leaders; members need no answers that were meant for seekers.
    if ((kind === "here") !== (role.kind === "seeker")) return;
    const endpoint = new Endpoint(source.address, port);
    if (kind === "goodbye") return this.#forget(nodeId, endpoint);
    const isNewcomer = !this.#nodes.has(nodeId);
    this.#remember(now, nodeId, endpoint);
    if (!isNewcomer || role.kind !== "member") return;
    const windowMs = Math.max(WELCOME_MS, WELCOME_MS_EACH * this.#nodes.size);
    const welcomeAt = now + windowMs * randomFraction(this.#options.random);
    if (welcomeAt < this.#dueAt) this.#dueAt = millis(welcomeAt);
  }

  #remember(now: Millis, nodeId: string, endpoint: Endpoint): void {
    const announced = this.#nodes.get(nodeId) ?? [];
    const known = announced.find((other) => other.endpoint.equals(endpoint));
    const others = announced.filter((other) => other !== known);
    this.#nodes.delete(nodeId);
    this.#nodes.set(nodeId, [...others, { endpoint, at: now }].slice(-MAX_ENDPOINTS_EACH));
    dropOldest(this.#nodes, MAX_NODES);
    if (known === undefined) this.#events.push({ kind: "found", nodeId, endpoint });
  }

  #forget(nodeId: string, endpoint: Endpoint): void {
    const announced = this.#nodes.get(nodeId) ?? [];
    // A goodbye that somebody else repeats takes nothing away.
    if (!announced.some((other) => other.endpoint.equals(endpoint))) return;
    this.#nodes.delete(nodeId);
    this.#events.push({ kind: "left", nodeId, endpoint });
  }

  #encode(kind: AnnouncementKind): Uint8Array {
    const { nodeId, role, random } = this.#options;
    const port = role.kind === "member" ? role.port : 0;
    return this.#codec.encode({
      kind: port === 0 ? "seek" : kind,
      port,
      nodeId,
      nonce: encodeHex(randomBytes(random, NONCE_BYTES)),
    });
  }
}

/** Maps and sets keep the order in which their keys were added. */
function dropOldest(keyed: Map<string, unknown> | Set<string>, limit: number): void {
  if (keyed.size <= limit) return;
  const [oldest] = keyed.keys();
  if (oldest !== undefined) keyed.delete(oldest);
}
