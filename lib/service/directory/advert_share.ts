/**
 * How much of what a node advertises is followed: a directory is as large as its bounds, whoever fills it.
 * @module
 */

import { MAX_NODE_SERVICES, MAX_NODE_SUBSCRIPTIONS } from "../bounds.ts";
import type { ServiceAdvert } from "../wire/mod.ts";

/** Of all nodes. Beyond that each has what it has in any case. */
const MAX_SERVICES = 32_768;
const MAX_SUBSCRIPTIONS = 131_072;
const SURE_SERVICES = 16;
const SURE_SUBSCRIPTIONS = 64;

/** How many services and subscriptions there are. */
export interface AdvertSize {
  readonly services: number;
  readonly subscriptions: number;
}

/** @returns how much adverts hold together */
export function advertSize(adverts: readonly ServiceAdvert[]): AdvertSize {
  let [services, subscriptions] = [0, 0];
  for (const advert of adverts) {
    services += advert.services.length;
    subscriptions += advert.subscriptions.length;
  }
  return { services, subscriptions };
}

/**
 * Cuts the adverts of one node to its share; the first are kept, so that all nodes keep the same.
 * @param others what is followed of all other nodes
 */
export function cutAdverts(adverts: readonly ServiceAdvert[], others: AdvertSize): readonly ServiceAdvert[] {
  let services = share(MAX_NODE_SERVICES, MAX_SERVICES - others.services, SURE_SERVICES);
  let subscriptions = share(
    MAX_NODE_SUBSCRIPTIONS,
    MAX_SUBSCRIPTIONS - others.subscriptions,
    SURE_SUBSCRIPTIONS,
  );
  const wanted = advertSize(adverts);
  if (wanted.services <= services && wanted.subscriptions <= subscriptions) return adverts;
  return adverts.map((advert) => {
    const kept = {
      ...advert,
      services: advert.services.slice(0, services),
      subscriptions: advert.subscriptions.slice(0, subscriptions),
    };
    services -= kept.services.length;
    subscriptions -= kept.subscriptions.length;
    return kept;
  });
}

function share(most: number, free: number, sure: number): number {
  return Math.max(sure, Math.min(most, free));
}
