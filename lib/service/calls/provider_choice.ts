/**
 * Who may serve a call of a node, its own program, the programs that are attached to it, or other nodes; and which of
 * them does.
 * @module
 */

import { type Millis, type RandomSource, randomUint32 } from "../../base/mod.ts";
import type { CallMode } from "../bounds.ts";
import type { CallPath } from "./call_options.ts";
import type { CallOrder } from "./pending_calls.ts";
import { failure, type WireFailure } from "../errors.ts";
import { ActionBreakers, type Provider, type VersionRange } from "../directory/mod.ts";
import type { LocalService } from "../local/mod.ts";
import type { ServiceLeadership } from "../leadership/mod.ts";
import { isProgram, type PeerId, type PeerLinks, type ServicePeers } from "../ports.ts";
import type { NodeBase } from "../runtime_base.ts";
import { isBuiltIn, showPath } from "../topics/mod.ts";
import type { AdvertisedService } from "../wire/mod.ts";

/** Failures after which somebody else may serve the call at once. */
export const ELSEWHERE: ReadonlySet<string> = new Set([
  "NoProvider",
  "ServicePaused",
  "Unreachable",
  "Stopped",
]);

const ANYTHING: AdvertisedService = {
  path: "",
  version: "",
  description: "",
  state: "running",
  actions: [],
  events: [],
  elects: false,
  port: 0,
  protocol: "",
};

/** Prefers the own program to attached ones, and those to other nodes; or takes the one that leads the service. */
export class ProviderChoice {
  readonly #base: NodeBase;
  readonly #leadership: ServiceLeadership;

  constructor(base: NodeBase, leadership: ServiceLeadership) {
    this.#base = base;
    this.#leadership = leadership;
  }

  /** The mode of a call whose caller has not chosen. */
  usualMode({ service }: CallPath): CallMode {
    return this.#leadership.isElected(service) ? "leader" : "round-robin";
  }

  /** @returns the service of this program, when it is to serve the call */
  here(
    path: CallPath,
    mode: CallMode,
    peer: PeerId | undefined,
    version?: VersionRange,
  ): LocalService | undefined {
    const own = this.#base.services.get(path.service);
    if (own !== undefined && version?.has(own.version) === false) return undefined;
    return own !== undefined && this.#isHere(own, path.service, mode, peer) ? own : undefined;
  }

  /** Other nodes and attached programs that offer a service, whatever its state. @param service with its network */
  all(service: string): readonly Provider[] {
    const nodes = this.#base.directory.providers(service);
    const programs = this.#base.programs.providers(service);
    if (programs.length === 0) return nodes;
    return nodes.length === 0 ? programs : [...nodes, ...programs];
  }

  /**
   * Who may serve an order, in a version that its caller wants: attached programs before other nodes; in mode `leader` the
   * one that leads.
   */
  providers({ path: { service, text }, to: { mode, peer, version } }: CallOrder): readonly Provider[] {
    const { directory, programs: attached, peers: { self } } = this.#base;
    const leadership = this.#leadership;
    if (peer !== undefined && isBuiltIn(text)) return [anyProvider(peer)];
    if (peer !== undefined && peer !== self && mode !== "local") {
      return inRange(ofPeer((isProgram(peer) ? attached : directory).providers(service), peer), version);
    }
    let programs = inRange(attached.providers(service), version);
    // Of several programs that lead together one is asked, and the same one each time.
    if (programs.length > 1 && leadership.isElected(service)) {
      programs = programs.filter((one) => one.service.state === "running").slice(0, 1);
    }
    if (mode === "local" || peer === self) return programs;
    if (mode === "leader") {
      if (!leadership.isElected(service)) return [];
      const leader = leadership.ranked(service).slice(0, 1);
      return leader[0]?.peer === self ? programs : inRange(leader, version);
    }
    const isServed = programs.some((one) => one.service.state === "running");
    return isServed ? programs : inRange(this.all(service), version);
  }

  /** @returns why nobody leads a service that is offered; undefined where it is one that a node leads, or nobody offers it */
  whyLeaderless({ service }: CallPath): WireFailure | undefined {
    const isOffered = this.#base.services.get(service) !== undefined || this.all(service).length > 0;
    if (!isOffered || this.#leadership.isElected(service)) return undefined;
    const message = `Nobody leads ${showPath(service)}: it is offered without mode: "leader"`;
    return { ...failure("NoProvider", message), retryable: false };
  }

  /** Whether an attached program offers the service. */
  hasProgram({ service }: CallPath): boolean {
    return this.#base.programs.providers(service).length > 0;
  }

  /** Whether whoever offers the action says that running it twice does no harm. */
  isIdempotent({ service, action }: CallPath): boolean {
    const { directory, programs } = this.#base;
    const provider = directory.providers(service)[0] ?? programs.providers(service)[0];
    for (const { name, idempotent } of provider?.service.actions ?? []) {
      if (name === action) return idempotent;
    }
    return false;
  }

  #isHere(own: LocalService, service: string, mode: CallMode, peer: PeerId | undefined): boolean {
    const { self } = this.#base.peers;
    if (peer !== undefined) return peer === self;
    if (mode === "leader") return this.#leadership.leaderOf(service) === self;
    if (mode === "all") return false;
    if (own.state === "running") return true;
    // A paused one leaves it to the others, if there are any.
    return this.all(service).length === 0;
  }
}

/** Chooses; one for a node, since it counts whose turn is next. */
export class Balancer {
  readonly #random: RandomSource;
  readonly #links: PeerLinks;
  readonly #peers: Pick<ServicePeers, "isHealthy">;
  readonly #turns = new Map<string, number>();

  constructor(random: RandomSource, links: PeerLinks, peers: Pick<ServicePeers, "isHealthy">) {
    this.#random = random;
    this.#links = links;
    this.#peers = peers;
  }

  /**
   * Those who can serve now, whoever seems dead and whoever fails too often last; they are asked only when there is
   * nobody else.
   */
  candidates(providers: readonly Provider[], action: string, now: Millis): readonly Provider[] {
    // Most services have one provider, which is fine: every call asks.
    const [only] = providers;
    if (only !== undefined && providers.length === 1 && isUsable(only, action, now)) return providers;
    return this.#candidates(providers, action, now);
  }

  #candidates(providers: readonly Provider[], action: string, now: Millis): readonly Provider[] {
    const usable = providers.filter((provider) => isUsable(provider, action, now));
    const good = usable.filter(({ peer }) => isProgram(peer) || this.#peers.isHealthy(peer));
    return good.length > 0 ? good : usable;
  }

  /**
   * @param path whose turn it is
   * @param candidates at least one, in the order of their ids
   * @param mode any but `all`, `local` and `leader`, which are no choice
   * @returns one of them
   */
  choose(path: string, candidates: readonly Provider[], mode: CallMode): Provider | undefined {
    switch (mode) {
      case "random":
        return candidates[randomUint32(this.#random) % candidates.length];
      case "proximity":
        return this.#nearest(candidates);
      default:
        return this.#next(path, candidates);
    }
  }

  /** Forgets whose turn it is at paths that are gone. */
  forget(path: string): void {
    this.#turns.delete(path);
  }

  #next(path: string, candidates: readonly Provider[]): Provider | undefined {
    if (candidates.length === 1) return candidates[0];
    const turn = this.#turns.get(path) ?? 0;
    this.#turns.set(path, turn + 1);
    return candidates[turn % candidates.length];
  }

  /** Unmeasured ones count as far, and the first of equals wins. */
  #nearest(candidates: readonly Provider[]): Provider | undefined {
    let nearest: Provider | undefined;
    let nearestMs = Infinity;
    for (const candidate of candidates) {
      const rttMs = this.#links.rttMs(candidate.peer) ?? Number.MAX_VALUE;
      if (rttMs < nearestMs) [nearest, nearestMs] = [candidate, rttMs];
    }
    return nearest;
  }
}

function inRange(all: readonly Provider[], version: VersionRange | undefined): readonly Provider[] {
  return version === undefined ? all : all.filter((one) => version.has(one.service.version));
}

function ofPeer(all: readonly Provider[], peer: PeerId): readonly Provider[] {
  return all.filter((one) => one.peer === peer);
}

function isUsable({ service, breakers }: Provider, action: string, now: Millis): boolean {
  return service.state === "running" && breakers.state(action, now) !== "open";
}

/** @returns a provider that is in no directory, for services that everybody has */
export function anyProvider(peer: PeerId, breakers: ActionBreakers = new ActionBreakers()): Provider {
  return { peer, run: 0, service: ANYTHING, breakers };
}

/** @returns why nobody serves a call: of those who offer the service, none can */
export function noProvider(
  { path: { service, text } }: CallOrder,
  offered: readonly Provider[],
): WireFailure {
  const [first] = offered;
  if (first === undefined) return failure("NoProvider", `Nobody offers ${showPath(service)}`);
  const { state } = first.service;
  if (offered.every((one) => one.service.state !== "running")) {
    return failure("ServicePaused", `${showPath(service)} is ${state} wherever it is`);
  }
  return failure(
    "Unreachable",
    `Whoever offers ${showPath(text)} has failed too often and is spared for a while`,
  );
}
