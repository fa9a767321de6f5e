/**
 * One walk through the DHT towards an info hash (BEP 5; Kademlia §2.3).
 *
 * The nodes that are known are kept by their distance from the target. The nearest that have not been asked are, eight
 * at a time, and each names nodes that are nearer still. The walk is over when the eight nearest that are alive have
 * answered, or when so many were asked that somebody must be leading it astray.
 *
 * @module
 */

import { equalBytes, randomFraction, type RandomSource } from "../base/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import type { DhtContact, KrpcMessage } from "./krpc.ts";

/** Kademlia's k: so many nodes keep an announcement. */
export const NEAREST = 8;
/** Kademlia's alpha is 3, but a good part of the public DHT is silent. */
const MAX_IN_FLIGHT = 8;
/** A walk through the ten million nodes of the public DHT asks about 30. */
const MAX_ASKED = 64;
/** What is further away than so many others is forgotten. */
const MAX_KNOWN = 128;
/** So that one node can't fill the list with false places. */
const MAX_PEERS_EACH = 8;
/** More places than this are not dialled. */
export const MAX_PEERS = 32;

type Response = Extract<KrpcMessage, { kind: "response" }>;

interface Known {
  /** Undefined for one that was named by its address, until it has answered. */
  id: Uint8Array | undefined;
  readonly endpoint: Endpoint;
  state: "new" | "asked" | "answered" | "silent";
  token?: Uint8Array;
}

/** What a walk begins with. */
export interface DhtLookupOptions {
  /** 20 bytes. */
  readonly target: Uint8Array;
  /** The asking node's own id: some nodes recommend it to itself, though it is read-only. */
  readonly self: Uint8Array;
  /** Nodes that have answered before. */
  readonly contacts: readonly DhtContact[];
  /** Nodes of which only the address is known. */
  readonly routers: readonly Endpoint[];
  readonly random: RandomSource;
}

/** Chooses whom to ask next by what was answered before. */
export class DhtLookup {
  readonly target: Uint8Array;
  readonly #self: Uint8Array;
  readonly #random: RandomSource;
  /** By endpoint. */
  readonly #known = new Map<string, Known>();
  /** Who was announced, as text. */
  readonly #peers = new Set<string>();
  #asked = 0;
  #inFlight = 0;

  constructor({ target, self, contacts, routers, random }: DhtLookupOptions) {
    this.target = target;
    this.#self = self;
    this.#random = random;
    for (const { id, endpoint } of contacts) this.#learn(id, endpoint);
    for (const endpoint of routers) this.#learn(undefined, endpoint);
  }

  /** Whether there is nothing left to ask, and nothing to wait for. */
  get isDone(): boolean {
    return this.#inFlight === 0 && this.#nextUnasked() === undefined;
  }

  /** Whether `next` has somebody. */
  get canAsk(): boolean {
    return this.#inFlight < MAX_IN_FLIGHT && this.#nextUnasked() !== undefined;
  }

  /** @returns whom to ask now; the caller does it */
  next(): Endpoint | undefined {
    const known = this.#inFlight < MAX_IN_FLIGHT ? this.#nextUnasked() : undefined;
    if (known === undefined) return undefined;
    known.state = "asked";
    this.#asked++;
    this.#inFlight++;
    return known.endpoint;
  }

  /** Follows an answer. @returns who was announced and is new */
  handleResponse(from: Endpoint, { nodeId, contacts, peers, token }: Response): Endpoint[] {
    const known = this.#land(from);
    if (known === undefined) return [];
    // Whoever answers under another id than the one by which it was recommended is not the node that was meant.
    if (known.id !== undefined && !equalBytes(known.id, nodeId)) {
      known.state = "silent";
      return [];
    }
    known.state = "answered";
    known.id = nodeId.slice();
    if (token !== undefined) known.token = token.slice();
    for (const { id, endpoint } of contacts) {
      if (isWithinReachOf(from, endpoint)) this.#learn(id, endpoint);
    }
    this.#forgetFurthest();
    return this.#learnPeers(peers.filter((peer) => isWithinReachOf(from, peer)));
  }

  /** Whoever was asked has not answered, or answered with an error. */
  handleSilence(from: Endpoint): void {
    const known = this.#land(from);
    if (known !== undefined) known.state = "silent";
  }

  /** @returns the nearest nodes that have answered, at most 8, and what an announcement to each has to carry */
  nearest(): (DhtContact & { readonly token?: Uint8Array })[] {
    return this.#byDistance().filter(hasAnswered).slice(0, NEAREST);
  }

  #land(from: Endpoint): Known | undefined {
    const known = this.#known.get(from.toString());
    if (known?.state !== "asked") return undefined;
    this.#inFlight--;
    return known;
  }

  #learn(id: Uint8Array | undefined, endpoint: Endpoint): void {
    const key = endpoint.toString();
    if (id !== undefined && equalBytes(id, this.#self)) return;
    if (!this.#known.has(key)) this.#known.set(key, { id, endpoint, state: "new" });
  }

  #learnPeers(peers: readonly Endpoint[]): Endpoint[] {
    // From a node that knows many, each walk takes others.
    const drawn = peers.map((peer) => ({ peer, lot: randomFraction(this.#random) }))
      .sort((a, b) => a.lot - b.lot)
      .slice(0, MAX_PEERS_EACH);
    const fresh: Endpoint[] = [];
    for (const { peer } of drawn) {
      const key = peer.toString();
      if (this.#peers.has(key) || this.#peers.size === MAX_PEERS) continue;
      this.#peers.add(key);
      fresh.push(peer);
    }
    return fresh;
  }

  /** Among the nearest that are alive; nodes of unknown distance come first, for they lead to all others. */
  #nextUnasked(): Known | undefined {
    if (this.#asked === MAX_ASKED) return undefined;
    const alive = this.#byDistance().filter(({ state }) => state !== "silent");
    const unplaced = alive.find(({ id, state }) => id === undefined && state === "new");
    const nearest = alive.filter(({ id }) => id !== undefined).slice(0, NEAREST);
    return unplaced ?? nearest.find(({ state }) => state === "new");
  }

  #forgetFurthest(): void {
    const excess = this.#known.size - MAX_KNOWN;
    if (excess <= 0) return;
    const unasked = this.#byDistance().filter(({ state }) => state === "new");
    for (const { endpoint } of unasked.slice(-excess)) this.#known.delete(endpoint.toString());
  }

  #byDistance(): Known[] {
    return [...this.#known.values()].sort((a, b) => {
      if (a.id === undefined || b.id === undefined) {
        return Number(a.id === undefined) - Number(b.id === undefined);
      }
      return compareDistance(this.target, a.id, b.id);
    });
  }
}

/** Whoever has answered has said its id. */
function hasAnswered(known: Known): known is Known & { id: Uint8Array } {
  return known.state === "answered" && known.id !== undefined;
}

/** Kademlia's distance is XOR. @returns below 0 when `a` is nearer */
function compareDistance(target: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  for (const [i, byte] of target.entries()) {
    const difference = ((a[i] ?? 0) ^ byte) - ((b[i] ?? 0) ^ byte);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A node elsewhere can't know what is on this host or this cable, and may want it to be dialled. */
function isWithinReachOf(from: Endpoint, named: Endpoint): boolean {
  if (named.address.isLoopback) return from.address.isLoopback;
  return !named.address.isLinkLocal || from.address.isLinkLocal;
}
