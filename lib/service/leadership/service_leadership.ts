/**
 * Which node leads a service: heartbeats on a timer, the order that follows from them, and what changes by it.
 * @module
 */

import type { Logger, Millis } from "../../base/mod.ts";
import { ActionBreakers, type Provider } from "../directory/mod.ts";
import type { LocalService, LocalServices } from "../local/mod.ts";
import type { PeerId } from "../ports.ts";
import type { NodeBase } from "../runtime_base.ts";
import { TopicPath } from "../topics/mod.ts";

/** How often a node that offers such a service sends a heartbeat. */
export const HEARTBEAT_MS = 2_000;
/** A peer without a heartbeat for so long counts as dead. */
export const DEAD_AFTER_MS = 5_000;
/** A peer whose last link was lost counts as dead for so long; then its health decides, as before the first heartbeat. */
export const LOST_FOR_MS = 30_000;
/** How often heartbeats are checked. */
const CHECK_MS = 500;

/** Who leads which service, as this node sees it. */
export class ServiceLeadership {
  readonly #base: NodeBase;
  readonly #onChange: () => void;
  readonly #election = new ServiceElection();
  readonly #hooks: LeadHooks;
  #cancelTick: (() => void) | undefined;
  #lastHeartbeat = -Infinity;
  #isClosed = false;

  /** @param onChange is called when leadership may have changed */
  constructor(base: NodeBase, onChange: () => void) {
    this.#base = base;
    this.#onChange = onChange;
    this.#hooks = new LeadHooks(base.services, base.log);
  }

  /** Whether a service is one that a node leads. @param path with its network */
  isElected(path: string): boolean {
    const { services, directory, programs } = this.#base;
    return services.get(path)?.definition.mode === "leader" ||
      directory.providers(path).some(({ service }) => service.elects) ||
      programs.providers(path).some(({ service }) => service.elects);
  }

  /**
   * @param path with its network
   * @returns those who may lead it, the leader first; this node is among them when it or a program offers it
   */
  ranked(path: string): readonly Provider[] {
    const { clock, services, directory, programs, peers, run } = this.#base;
    const { self } = peers;
    const own: Provider[] = programs.providers(path).map((provider) => ({ ...provider, peer: self }));
    const local = services.get(path);
    const service = local?.advert(path);
    if (service !== undefined) own.push({ peer: self, run, service, breakers: new ActionBreakers() });
    // Others do not take this node for a provider either then.
    if (own.length > 0 && !peers.mayOffer(self, local?.path ?? TopicPath.parse(path))) own.length = 0;
    const all = [...directory.providers(path), ...own].sort((a, b) => a.peer < b.peer ? -1 : 1);
    const isHealthy = (peer: PeerId) => peer === self || peers.isHealthy(peer);
    return this.#election.ranked(all, clock.now(), isHealthy, own.length > 0);
  }

  /** @returns who leads a service; undefined when nobody does, or it is none that a node leads */
  leaderOf(path: string): PeerId | undefined {
    return this.isElected(path) ? this.ranked(path)[0]?.peer : undefined;
  }

  /** Whether this node leads a service, itself or by a program. @param path with its network */
  leads(path: string): boolean {
    return this.leaderOf(path) === this.#base.peers.self;
  }

  /** A heartbeat of a peer, or a new link to it. */
  handleHeartbeat(peer: PeerId): void {
    const now = this.#base.clock.now();
    const isNews = this.#election.isAlive(peer, now) !== true;
    this.#election.handleHeartbeat(peer, now);
    // Most heartbeats change nothing, and looking at every service has its price.
    if (isNews) this.#announce();
  }

  /** The last link to a peer has ended. */
  handleLinkLost(peer: PeerId): void {
    this.#election.handleLinkLost(peer, this.#base.clock.now());
    this.#announce();
  }

  /** A peer is gone for good. */
  forget(peer: PeerId): void {
    this.#election.forget(peer);
    this.#announce();
  }

  /** Services have come or gone. */
  follow(): void {
    this.#announce();
    if (this.#cancelTick === undefined && this.#offered().length > 0) this.#tick();
  }

  /** Sends no more heartbeats. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTick?.();
    this.#cancelTick = undefined;
    this.#hooks.close();
  }

  #tick(): void {
    const { clock, timers } = this.#base;
    this.#cancelTick = undefined;
    const offered = this.#offered();
    if (this.#isClosed || offered.length === 0) return;
    const now = clock.now();
    // The timer may be early by a little.
    if (now - this.#lastHeartbeat >= HEARTBEAT_MS - CHECK_MS / 2) this.#sendHeartbeats(offered, now);
    this.#announce();
    this.#cancelTick = timers.setTimer(CHECK_MS, () => this.#tick());
  }

  #sendHeartbeats(offered: readonly string[], now: Millis): void {
    const { carrier, directory, run } = this.#base;
    const { links } = carrier;
    this.#lastHeartbeat = now;
    const linked = new Set(links.linked());
    for (const peer of linked) carrier.post(peer, { kind: "heartbeat", run });
    // Rivals need a link for their heartbeats.
    for (const path of offered) {
      for (const { peer } of directory.providers(path)) if (!linked.has(peer)) void links.reach(peer);
    }
  }

  #announce(): void {
    if (this.#isClosed) return;
    this.#hooks.follow((path) => this.leads(path));
    this.#onChange();
  }

  /** Services with a leader that run here, in this program or an attached one. */
  #offered(): readonly string[] {
    const { services, programs, peers } = this.#base;
    const own = services.all()
      .filter((service) => isElectable(service) && peers.mayOffer(peers.self, service.path))
      .map(({ path }) => path.toString());
    const attached = programs.paths().filter((path) =>
      programs.providers(path).some(({ service }) => service.elects && service.state === "running") &&
      peers.mayOffer(peers.self, TopicPath.parse(path))
    );
    return [...own, ...attached];
  }
}

/**
 * The heartbeats of peers, and the order of leaders that follows from them: of those that run a service and are alive,
 * the one with the highest id leads. Every node applies this rule to the heartbeats it receives; there is no vote, and
 * two sides of a split network each have their own leader.
 */
export class ServiceElection {
  readonly #heartbeatAt = new Map<PeerId, Millis>();
  readonly #lostAt = new Map<PeerId, Millis>();

  /** A heartbeat of a peer, or a new link to it. */
  handleHeartbeat(peer: PeerId, now: Millis): void {
    this.#lostAt.delete(peer);
    this.#heartbeatAt.set(peer, now);
  }

  /** The last link to a peer has ended. It counts as dead for a while, or until its next heartbeat. */
  handleLinkLost(peer: PeerId, now: Millis): void {
    if (this.#heartbeatAt.delete(peer)) this.#lostAt.set(peer, now);
  }

  /** Forgets a peer that is gone for good. */
  forget(peer: PeerId): void {
    this.#heartbeatAt.delete(peer);
    this.#lostAt.delete(peer);
  }

  /**
   * @param lostForMs how long a peer whose last link was lost counts as dead
   * @returns whether there was a heartbeat lately; undefined when there is no link for one, so that its health decides
   */
  isAlive(peer: PeerId, now: Millis, lostForMs: number = LOST_FOR_MS): boolean | undefined {
    const heartbeatAt = this.#heartbeatAt.get(peer);
    if (heartbeatAt !== undefined) return now - heartbeatAt <= DEAD_AFTER_MS;
    const lostAt = this.#lostAt.get(peer);
    return lostAt === undefined || now - lostAt > lostForMs ? undefined : false;
  }

  /**
   * @param providers in the order of their ids
   * @param isHealthy decides about peers without a link
   * @param isRival whether this node offers the service itself, and so dials the others until it has their heartbeats
   * @returns those who may lead, the leader first
   */
  ranked(
    providers: readonly Provider[],
    now: Millis,
    isHealthy: (peer: PeerId) => boolean,
    isRival: boolean,
  ): readonly Provider[] {
    const lostForMs = isRival ? Infinity : LOST_FOR_MS;
    return providers.filter(({ peer, service }) =>
      service.state === "running" && (this.isAlive(peer, now, lostForMs) ?? isHealthy(peer))
    ).toReversed();
  }
}

/** Calls the `lead` hooks, each time that leadership changes. */
export class LeadHooks {
  readonly #services: LocalServices;
  readonly #log: Logger;
  /** Those whose hook was called with true last. */
  readonly #leading = new Map<string, LocalService>();
  #isClosed = false;

  constructor(services: LocalServices, log: Logger) {
    this.#services = services;
    this.#log = log;
  }

  /** @param leads whether this program leads the service at a path with its network */
  follow(leads: (path: string) => boolean): void {
    if (this.#isClosed) return;
    for (const [path, service] of this.#leading) {
      if (this.#services.get(path) !== service || !isElectable(service) || !leads(path)) {
        this.#change(path, service, false);
      }
    }
    for (const service of this.#services.all()) {
      const path = service.path.toString();
      if (isElectable(service) && !this.#leading.has(path) && leads(path)) this.#change(path, service, true);
    }
  }

  /** No service is led any more. */
  close(): void {
    this.#isClosed = true;
    for (const [path, service] of this.#leading) this.#change(path, service, false);
  }

  #change(path: string, service: LocalService, leads: boolean): void {
    if (leads) this.#leading.set(path, service);
    else this.#leading.delete(path);
    this.#log.info(leads ? "this node leads a service" : "this node leads a service no more", {
      service: path,
    });
    try {
      service.definition.lead?.(leads);
    } catch (error) {
      this.#log.error("a service has failed to follow its leader", { service: path, error });
    }
  }
}

/** Whether a service may be led where it runs. */
export function isElectable({ definition, state }: LocalService): boolean {
  return definition.mode === "leader" && state === "running";
}
