/**
 * Which node leads a service: heartbeats on a timer, and what changes by them.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import { CircuitBreaker, type Provider } from "../directory/mod.ts";
import { isElectable, LeadHooks } from "./lead_hooks.ts";
import type { PeerId } from "../ports.ts";
import type { NodeBase } from "../runtime_base.ts";
import { HEARTBEAT_MS, ServiceElection } from "./service_election.ts";

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
    const service = services.get(path)?.advert(path);
    if (service !== undefined) own.push({ peer: self, run, service, breaker: new CircuitBreaker() });
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
    const { services, programs } = this.#base;
    const own = services.all().filter(isElectable).map(({ path }) => path.toString());
    const attached = programs.paths().filter((path) =>
      programs.providers(path).some(({ service }) => service.elects && service.state === "running")
    );
    return [...own, ...attached];
  }
}
