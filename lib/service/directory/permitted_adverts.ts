/**
 * Of what peers advertise, that which the network lets them offer and hear; the rest is as if it had not been said.
 * @module
 */

import type { Logger } from "../../base/mod.ts";
import type { PeerId, ServicePeers } from "../ports.ts";
import { showPath, TopicPath, TopicPattern } from "../topics/mod.ts";
import type { ServiceAdvert } from "../wire/mod.ts";

/** How many paths one line of the log names. */
const MAX_SHOWN = 4;

/** Filters the adverts of peers, and keeps count of what it takes out. */
export class PermittedAdverts {
  readonly #peers: Pick<ServicePeers, "mayOffer" | "maySubscribe" | "nameOf">;
  readonly #log: Logger;
  /** Of each peer that advertises more than it may, how much that is. */
  readonly #refused = new Map<PeerId, number>();
  /** Peers of whom the log says something already: once for each, however often they change their adverts. */
  readonly #said = new Set<PeerId>();
  #count = 0;

  constructor(peers: Pick<ServicePeers, "mayOffer" | "maySubscribe" | "nameOf">, log: Logger) {
    this.#peers = peers;
    this.#log = log;
  }

  /** Services and subscriptions that peers advertise now, and may not. */
  get refused(): number {
    return this.#count;
  }

  /** @returns the adverts with what the peer may offer and hear; each that is so as a whole, as it is */
  filter(peer: PeerId, adverts: readonly ServiceAdvert[]): readonly ServiceAdvert[] {
    const services: string[] = [];
    const patterns: string[] = [];
    const permitted = adverts.map((advert) => this.#permitted(peer, advert, services, patterns));
    this.#note(peer, services.length + patterns.length);
    if (services.length + patterns.length > 0 && !this.#said.has(peer)) this.#say(peer, services, patterns);
    return permitted;
  }

  /** A peer is gone for good. */
  forget(peer: PeerId): void {
    this.#note(peer, 0);
    this.#said.delete(peer);
  }

  #permitted(peer: PeerId, advert: ServiceAdvert, services: string[], patterns: string[]): ServiceAdvert {
    const before = services.length + patterns.length;
    const offered = advert.services.filter(({ path: text }) => {
      const path = TopicPath.tryParse(text);
      const isPermitted = path !== undefined && this.#peers.mayOffer(peer, path);
      if (!isPermitted) services.push(path === undefined ? "?" : showPath(path));
      return isPermitted;
    });
    const heard = advert.subscriptions.filter(({ pattern: text }) => {
      const pattern = TopicPattern.tryParse(text);
      const isPermitted = pattern !== undefined && this.#peers.maySubscribe(peer, pattern);
      if (!isPermitted) patterns.push(pattern === undefined ? "?" : showPath(pattern));
      return isPermitted;
    });
    return services.length + patterns.length === before
      ? advert
      : { ...advert, services: offered, subscriptions: heard };
  }

  #note(peer: PeerId, refused: number): void {
    this.#count += refused - (this.#refused.get(peer) ?? 0);
    if (refused === 0) this.#refused.delete(peer);
    else this.#refused.set(peer, refused);
  }

  #say(peer: PeerId, services: readonly string[], patterns: readonly string[]): void {
    this.#said.add(peer);
    const shown = (all: readonly string[]) => all.slice(0, MAX_SHOWN).join(" ");
    this.#log.warn("a member offers or listens to what it may not; it is left out", {
      peer: this.#peers.nameOf(peer) ?? peer,
      ...services.length === 0 ? {} : { services: shown(services) },
      ...patterns.length === 0 ? {} : { subscriptions: shown(patterns) },
    });
  }
}
