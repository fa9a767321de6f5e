/**
 * Who offers what, and who listens to what, by the adverts of others.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import { type AdvertSize, advertSize, cutAdverts } from "./advert_share.ts";
import { ActionBreakers, type BreakerOptions } from "./circuit_breaker.ts";
import type { PeerId } from "../ports.ts";
import type { AdvertisedService, ServiceAdvert } from "../wire/mod.ts";
import { TopicPath, TopicPattern, TopicTrie } from "../topics/mod.ts";

/** One that offers a service. */
export interface Provider {
  readonly peer: PeerId;
  /** The peer's run, 0 when it is not known. */
  readonly run: number;
  readonly service: AdvertisedService;
  readonly breakers: ActionBreakers;
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
  /** Of all peers. */
  #size: AdvertSize = { services: 0, subscriptions: 0 };
  readonly #breakerOptions: BreakerOptions;
  readonly #onChange: (paths: ReadonlySet<string>) => void;

  /**
   * @param onChange is given the paths whose providers may have changed
   * @param breakers when providers are spared
   * @throws RangeError when that makes no sense
   */
  constructor(onChange: (paths: ReadonlySet<string>) => void, breakers: BreakerOptions = {}) {
    new ActionBreakers(breakers);
    this.#breakerOptions = breakers;
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

  /** @returns who listens to a topic, in no order, once for each of its patterns and groups that matches */
  listeners(topic: TopicPath): readonly Listener[] {
    return this.#listeners.matchingValues(topic);
  }

  /** Whether a peer's advert says that it listens to all of a pattern, for that group. */
  hears(peer: PeerId, pattern: TopicPattern, group: string): boolean {
    return this.advertsOf(peer).some(({ subscriptions }) =>
      subscriptions.some((one) =>
        one.group === group && TopicPattern.tryParse(one.pattern)?.covers(pattern) === true
      )
    );
  }

  /** @returns who has retained events */
  retainers(): readonly PeerId[] {
    return this.peers().filter((peer) => this.advertsOf(peer).some(({ retains }) => retains));
  }

  /**
   * Takes the adverts of a peer in the place of its former ones; none when it offers nothing any more.
   * @returns how many services and subscriptions are more than one node may have followed, and are left out
   */
  set(peer: PeerId, offered: readonly ServiceAdvert[]): number {
    const before = this.#servicesOf(peer);
    this.#peers.get(peer)?.remove.forEach((remove) => remove());
    const others = difference(this.#size, advertSize(this.advertsOf(peer)));
    const adverts = cutAdverts(offered, others);
    const size = advertSize(adverts);
    this.#size = {
      services: others.services + size.services,
      subscriptions: others.subscriptions + size.subscriptions,
    };
    if (adverts.length === 0) this.#peers.delete(peer);
    else this.#peers.set(peer, { adverts, remove: this.#listen(peer, adverts) });
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
        breakers: known?.run === offer.run ? known.breakers : new ActionBreakers(this.#breakerOptions),
      }];
      // In one order on all nodes.
      const all = [...others, ...own].sort((a, b) => a.peer < b.peer ? -1 : 1);
      if (all.length === 0) this.#providers.delete(path);
      else this.#providers.set(path, all);
    }
    this.#onChange(paths);
    const cut = difference(advertSize(offered), size);
    return cut.services + cut.subscriptions;
  }

  /** @returns how many breakers are not closed */
  openBreakers(now: Millis): number {
    let open = 0;
    for (const providers of this.#providers.values()) {
      for (const { breakers } of providers) open += breakers.open(now);
    }
    return open;
  }

  /** Patterns that differ in the names of parameters are one here, so that a look-up finds each listener's once. */
  #listen(peer: PeerId, adverts: readonly ServiceAdvert[]): readonly (() => void)[] {
    const known = new Set<string>();
    const remove: (() => void)[] = [];
    for (const { subscriptions } of adverts) {
      for (const { pattern, group } of subscriptions) {
        const parsed = TopicPattern.tryParse(pattern)?.anonymous();
        if (parsed === undefined) continue;
        const key = `${parsed} ${group}`;
        if (known.has(key)) continue;
        known.add(key);
        remove.push(this.#listeners.add(parsed, { peer, group }));
      }
    }
    return remove;
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

function difference(a: AdvertSize, b: AdvertSize): AdvertSize {
  return { services: a.services - b.services, subscriptions: a.subscriptions - b.subscriptions };
}
