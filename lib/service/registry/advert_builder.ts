/**
 * The advert of a node: what it and the programs that are attached to it offer and listen to.
 * @module
 */

import type { LocalService } from "../local/mod.ts";
import type { AdvertisedService, AdvertisedSubscription, ServiceAdvert } from "../wire/mod.ts";
import type { Subscription } from "../events/mod.ts";
import { DEFAULT_TOPIC_NETWORK, isBuiltIn, showPath, TopicPath, TopicPattern } from "../topics/mod.ts";

/** With more patterns than this a node advertises only which services they begin with. */
export const MAX_PATTERNS = 128;
/** So many patterns of services stay exact all the same, and so many characters of them. */
export const MAX_EXACT_PATTERNS = 512;
const MAX_EXACT_CHARACTERS = 32_768;

/** So many groups are advertised at most, those without one first; a program has as many as services with subscriptions. */
const MAX_GROUPS = 1_024;

/** What an advert says beside a program's own services and subscriptions. */
export interface AdvertOptions {
  /** Of the programs that are attached. */
  readonly programs?: readonly ServiceAdvert[];
  readonly retains?: boolean;
  /** Whether it says who may call: for the agent of a program, which checks that. */
  readonly withAllow?: boolean;
  /** What the network lets the node offer and hear; everything for a program, whose agent checks that. */
  readonly rights?: AdvertRights;
}

/** Others leave out what is not permitted, so it is not said to them. */
export interface AdvertRights {
  mayOffer(path: TopicPath): boolean;
  maySubscribe(pattern: TopicPattern): boolean;
}

const ALL_RIGHTS: AdvertRights = { mayOffer: () => true, maySubscribe: () => true };

/** @returns everything in one advert; services whose path begins with `$` are everywhere, and left out */
export function buildAdvert(
  run: number,
  services: readonly LocalService[],
  subscriptions: readonly Subscription[],
  { programs = [], retains = false, withAllow = false, rights = ALL_RIGHTS }: AdvertOptions,
): ServiceAdvert {
  const offered = new Map<string, AdvertisedService>();
  for (const service of services) {
    if (isBuiltIn(service.path.service) || !rights.mayOffer(service.path)) continue;
    const path = showPath(service.path);
    offered.set(path, service.advert(path, withAllow));
  }
  for (const service of programs.flatMap((program) => program.services)) {
    const whole = TopicPath.tryParse(service.path);
    if (whole === undefined || !rights.mayOffer(whole)) continue;
    // Of several that offer the same service, one that runs.
    const known = offered.get(service.path);
    if (known === undefined || known.state !== "running") offered.set(service.path, withoutAllow(service));
  }
  const own = subscriptions.map(({ pattern, group }) => ({ pattern: showPath(pattern), group }));
  return {
    run,
    services: [...offered.values()].sort((a, b) => a.path < b.path ? -1 : 1),
    subscriptions: summarize([...own, ...programs.flatMap((program) => program.subscriptions)], rights),
    retains,
  };
}

function withoutAllow({ allow: _, ...service }: AdvertisedService): AdvertisedService {
  return { ...service, actions: service.actions.map(({ name, idempotent }) => ({ name, idempotent })) };
}

/**
 * Others send what matches. A pattern that matches too much costs traffic, never an event, unless it is one of a service:
 * `one_per_service` chooses by them, and an event is lost that goes to a node where nobody listens after all. An event
 * has neither number nor answer, so its publisher would never know; hence they stay exact for as long as they can.
 */
function summarize(
  all: readonly AdvertisedSubscription[],
  rights: AdvertRights,
): readonly AdvertisedSubscription[] {
  const isPermitted = ({ pattern: text }: AdvertisedSubscription) => {
    const pattern = TopicPattern.tryParse(text);
    return pattern !== undefined && rights.maySubscribe(pattern);
  };
  const exact = unique(all).filter(isPermitted);
  if (exact.length <= MAX_PATTERNS) return exact;
  const grouped = exact.filter(({ group }) => group !== "");
  const characters = grouped.reduce((sum, { pattern, group }) => sum + pattern.length + group.length, 0);
  const isExact = grouped.length <= MAX_EXACT_PATTERNS && characters <= MAX_EXACT_CHARACTERS;
  const kept = isExact ? grouped : [];
  const others = isExact ? exact.filter(({ group }) => group === "") : exact;
  // What is wider than the node may hear would be left out by others as a whole.
  const widened = (one: AdvertisedSubscription, patterns: readonly string[]) => {
    const wider = patterns.map((pattern) => ({ pattern, group: one.group }));
    return wider.every(isPermitted) ? wider : [one];
  };
  const coarse = unique(others.flatMap((one) => widened(one, begins(one.pattern))));
  if (coarse.length <= MAX_PATTERNS) return unique([...kept, ...coarse]);
  // Groups stay, for one of each is chosen by them.
  const coarsest = unique(others.flatMap((one) => {
    const name = TopicPattern.tryParse(one.pattern)?.network ?? DEFAULT_TOPIC_NETWORK;
    return widened(one, [showPath(`${name}:>`)]);
  }));
  return unique([...kept, ...coarsest.slice(0, MAX_GROUPS)]);
}

function begins(pattern: string): readonly string[] {
  const parsed = TopicPattern.tryParse(pattern);
  const first = parsed?.parts[0];
  if (parsed === undefined || first === undefined) return [];
  if (first.kind !== "literal") return [showPath(`${parsed.network}:>`)];
  const begin = `${parsed.network}:${first.text}`;
  return parsed.parts.length === 1 ? [showPath(begin)] : [showPath(`${begin}/>`)];
}

function unique(all: readonly AdvertisedSubscription[]): readonly AdvertisedSubscription[] {
  const found = new Map(all.map((one) => [`${one.group} ${one.pattern}`, one]));
  return [...found.keys()].sort().map((key) => found.get(key) as AdvertisedSubscription);
}
