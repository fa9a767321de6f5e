/**
 * Who offers what, and who listens to what, by the adverts of others.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import { CircuitBreaker } from "./circuit_breaker.ts";
import type { PeerId } from "../ports.ts";
import type { AdvertisedService, ServiceAdvert } from "../wire/mod.ts";
import { TopicPath, TopicPattern, TopicTrie } from "../topics/mod.ts";

/** One that offers a service. */
export interface Provider {
  readonly peer: PeerId;
  /** The peer's run, 0 when it is not known. */
  readonly run: number;
  readonly service: AdvertisedService;
  readonly breaker: CircuitBreaker;
}

/** Who listens. */
export interface Listener {
  readonly peer: PeerId;
  /** The service that it belongs to; empty for none. */
  readonly group: string;
}

interface Entry {
  readonly adverts: readonly ServiceAdvert[];
  readonly remove: readonly (() => void)[];
}

const NONE: readonly Provider[] = [];

/** The adverts of all peers, found by path and by topic. */
export class ServiceDirectory {
  readonly #peers = new Map<PeerId, Entry>();
  readonly #providers = new Map<string, readonly Provider[]>();
  readonly #listeners = new TopicTrie<Listener>();
  readonly #onChange: (paths: ReadonlySet<string>) => void;

  /** @param onChange is given the paths whose providers may have changed */
  constructor(onChange: (paths: ReadonlySet<string>) => void) {
    this.#onChange = onChange;
  }

  /** Everybody with an advert. */
  peers(): readonly PeerId[] {
    return [...this.#peers.keys()];
  }

  /** @returns all adverts of a peer */
  advertsOf(peer: PeerId): readonly ServiceAdvert[] {
    return this.#peers.get(peer)?.adverts ?? [];
  }

  /** @param path with its network @returns who offers it, whatever its state */
  providers(path: string): readonly Provider[] {
    return this.#providers.get(path) ?? NONE;
  }

  /** @returns the paths of all services, with their networks */
  paths(): readonly string[] {
    return [...this.#providers.keys()];
  }

  /** @returns who listens to a topic, once for each subscription that matches */
  listeners(topic: TopicPath): readonly Listener[] {
    return this.#listeners.match(topic).map(({ value }) => value);
  }

  /** @returns who has retained events */
  retainers(): readonly PeerId[] {
    return this.peers().filter((peer) => this.advertsOf(peer).some(({ retains }) => retains));
  }

  /** Takes the adverts of a peer in the place of its former ones; none when it offers nothing any more. */
  set(peer: PeerId, adverts: readonly ServiceAdvert[]): void {
    const before = this.#servicesOf(peer);
    this.#peers.get(peer)?.remove.forEach((remove) => remove());
    if (adverts.length === 0) this.#peers.delete(peer);
    else {
      const remove = adverts.flatMap(({ subscriptions }) =>
        subscriptions.flatMap(({ pattern, group }) => {
          const parsed = TopicPattern.tryParse(pattern);
          return parsed === undefined ? [] : [this.#listeners.add(parsed, { peer, group })];
        })
      );
      this.#peers.set(peer, { adverts, remove });
    }
    const after = this.#servicesOf(peer);
    const paths = new Set([...before.keys(), ...after.keys()]);
    for (const path of paths) {
      const known = this.providers(path).find((one) => one.peer === peer);
      const others = this.providers(path).filter((one) => one !== known);
      const offer = after.get(path);
      const own = offer === undefined ? [] : [{
        peer,
        run: offer.run,
        service: offer.service,
        // Another run is another chance.
        breaker: known?.run === offer.run ? known.breaker : new CircuitBreaker(),
      }];
      // In one order on all nodes.
      const all = [...others, ...own].sort((a, b) => a.peer < b.peer ? -1 : 1);
      if (all.length === 0) this.#providers.delete(path);
      else this.#providers.set(path, all);
    }
    this.#onChange(paths);
  }

  /** @returns how many breakers are not closed */
  openBreakers(now: Millis): number {
    let open = 0;
    for (const providers of this.#providers.values()) {
      open += providers.filter(({ breaker }) => breaker.state(now) !== "closed").length;
    }
    return open;
  }

  #servicesOf(peer: PeerId): Map<string, { readonly run: number; readonly service: AdvertisedService }> {
    const services = new Map<string, { readonly run: number; readonly service: AdvertisedService }>();
    for (const { run, services: offered } of this.advertsOf(peer)) {
      for (const service of offered) {
        const path = TopicPath.tryParse(service.path)?.toString();
        if (path !== undefined) services.set(path, { run, service });
      }
    }
    return services;
  }
}
