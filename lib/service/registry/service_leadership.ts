/**
 * Leading services: signs of life on a timer, and what changes by them.
 * @module
 */

import type { Environment, Millis } from "../../base/mod.ts";
import { CircuitBreaker, type Provider, type ServiceDirectory } from "../directory/mod.ts";
import type { LocalService, LocalServices } from "../local/mod.ts";
import type { MessageCarrier } from "../wire/mod.ts";
import { isProgram, type PeerId, type PeerLinks, type ServicePeers } from "../ports.ts";
import { HEARTBEAT_MS, ServiceElection } from "./service_election.ts";

/** How often the living are looked at. */
const LOOK_MS = 500;

/** What leadership stands on. */
export interface ServiceLeadershipParts extends Pick<Environment, "clock" | "timers" | "log"> {
  readonly links: PeerLinks;
  readonly peers: ServicePeers;
  readonly carrier: MessageCarrier;
  readonly directory: ServiceDirectory;
  readonly services: LocalServices;
  readonly run: number;
  /** The agent that this program is attached to, which tells it what it leads. */
  readonly upstream: PeerId | undefined;
}

/** Who leads which service, as this node sees it. */
export class ServiceLeadership {
  readonly #parts: ServiceLeadershipParts;
  readonly #election = new ServiceElection();
  /** What this program leads, as it was told. */
  readonly #leading = new Map<string, LocalService>();
  /** What each program that is attached was told last. */
  readonly #told = new Map<PeerId, string>();
  /** What the agent has said that this program leads. */
  #granted: ReadonlySet<string> = new Set();
  #cancelTick: (() => void) | undefined;
  #lastHeartbeat = -Infinity;
  #isClosed = false;

  constructor(parts: ServiceLeadershipParts) {
    this.#parts = parts;
  }

  /** Whether a service is one that a node leads. @param path with its network */
  isElected(path: string): boolean {
    const { services, directory } = this.#parts;
    return services.get(path)?.definition.mode === "leader" ||
      directory.providers(path).some(({ service }) => service.elects);
  }

  /**
   * @param path with its network
   * @returns those who may lead it, the leader first; this node is among them when it offers it
   */
  ranked(path: string): readonly Provider[] {
    const { clock, directory, peers } = this.#parts;
    const { self } = peers;
    const all: Provider[] = [];
    for (const provider of directory.providers(path)) {
      // To others programs are this node.
      all.push(isProgram(provider.peer) ? { ...provider, peer: self } : provider);
    }
    const own = this.#own(path);
    if (own !== undefined) all.push(own);
    all.sort((a, b) => a.peer < b.peer ? -1 : 1);
    const isHealthy = (peer: PeerId) => peer === self || peers.isHealthy(peer);
    return this.#election.ranked(all, clock.now(), isHealthy, all.some(({ peer }) => peer === self));
  }

  /** @returns who leads a service; undefined when nobody does, or it is none that a node leads */
  leaderOf(path: string): PeerId | undefined {
    return this.isElected(path) ? this.ranked(path)[0]?.peer : undefined;
  }

  /** The agent that this program is attached to says what it leads. */
  handleGrant(paths: readonly string[]): void {
    this.#granted = new Set(paths);
    this.#tell();
  }

  /** Something was heard of a peer. */
  hear(peer: PeerId): void {
    const now = this.#parts.clock.now();
    const isNews = this.#election.isAlive(peer, now) !== true;
    this.#election.hear(peer, now);
    // Most of what is heard changes nothing, and looking at every service has its price.
    if (isNews) this.#tell();
  }

  /** The last link to a peer has ended. */
  lose(peer: PeerId): void {
    // Another agent, or the same one started again, has to say it anew.
    if (peer === this.#parts.upstream) this.#granted = new Set();
    this.#election.lose(peer, this.#parts.clock.now());
    this.#tell();
  }

  /** A peer is gone for good. */
  forget(peer: PeerId): void {
    this.#election.forget(peer);
    this.#told.delete(peer);
    this.#tell();
  }

  /** Services have come or gone. */
  follow(): void {
    this.#tell();
    if (this.#cancelTick === undefined && this.#elected().length > 0) this.#tick();
  }

  /** Says no more. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTick?.();
    this.#cancelTick = undefined;
    for (const [path, service] of this.#leading) this.#hand(path, service, false);
  }

  #tick(): void {
    const { clock, timers } = this.#parts;
    this.#cancelTick = undefined;
    const own = this.#elected();
    // A program has no rivals to hear: its agent has.
    if (this.#isClosed || own.length === 0 || this.#parts.upstream !== undefined) return;
    const now = clock.now();
    // The timer may be early by a little.
    if (now - this.#lastHeartbeat >= HEARTBEAT_MS - LOOK_MS / 2) this.#beat(own, now);
    this.#tell();
    this.#cancelTick = timers.setTimer(LOOK_MS, () => this.#tick());
  }

  #beat(own: readonly string[], now: Millis): void {
    const { links, carrier, directory, run } = this.#parts;
    this.#lastHeartbeat = now;
    const linked = new Set(links.linked());
    for (const peer of linked) carrier.post(peer, { kind: "heartbeat", run });
    // Rivals have to hear each other.
    for (const path of own) {
      for (const { peer } of directory.providers(path)) {
        if (!linked.has(peer) && !isProgram(peer)) void links.reach(peer);
      }
    }
  }

  #tell(): void {
    if (this.#isClosed) return;
    const { services } = this.#parts;
    for (const [path, service] of this.#leading) {
      const leads = services.get(path) === service && isElectable(service) && this.#leads(path);
      if (!leads) this.#hand(path, service, false);
    }
    for (const service of services.all()) {
      const path = service.path.toString();
      if (!isElectable(service) || this.#leading.has(path)) continue;
      if (this.#leads(path)) this.#hand(path, service, true);
    }
    this.#tellPrograms();
  }

  #leads(path: string): boolean {
    const { peers: { self }, upstream } = this.#parts;
    return upstream === undefined ? this.leaderOf(path) === self : this.#granted.has(path);
  }

  /** Of several programs that offer a service which this node leads, the first that runs it leads. */
  #tellPrograms(): void {
    const { directory, services, carrier } = this.#parts;
    const led = new Map<PeerId, string[]>();
    for (const path of directory.paths()) {
      const own = services.get(path);
      if ((own !== undefined && isElectable(own)) || !this.isElected(path) || !this.#leads(path)) continue;
      const program = directory.providers(path)
        .find(({ peer, service }) => isProgram(peer) && service.elects && service.state === "running");
      if (program !== undefined) led.set(program.peer, [...led.get(program.peer) ?? [], path]);
    }
    for (const peer of new Set([...led.keys(), ...this.#told.keys()])) {
      const paths = led.get(peer) ?? [];
      const text = paths.join(" ");
      if ((this.#told.get(peer) ?? "") === text) continue;
      if (carrier.post(peer, { kind: "leadership", paths }) === "queued") this.#told.set(peer, text);
    }
  }

  #hand(path: string, service: LocalService, leads: boolean): void {
    const { log } = this.#parts;
    if (leads) this.#leading.set(path, service);
    else this.#leading.delete(path);
    log.info(leads ? "this node leads a service" : "this node leads a service no more", { service: path });
    try {
      service.definition.lead?.(leads);
    } catch (error) {
      log.error("a service has failed to follow its leader", { service: path, error });
    }
  }

  /** What one leads of that which runs here, in this program or one that is attached. */
  #elected(): readonly string[] {
    const { services, directory } = this.#parts;
    const own = services.all().filter(isElectable).map(({ path }) => path.toString());
    const others = directory.paths().filter((path) =>
      directory.providers(path).some(({ peer, service }) =>
        isProgram(peer) && service.elects && service.state === "running"
      )
    );
    return [...own, ...others];
  }

  #own(path: string): Provider | undefined {
    const { services, peers, run } = this.#parts;
    const service = services.get(path);
    if (service === undefined) return undefined;
    return { peer: peers.self, run, service: service.advert(path), breaker: new CircuitBreaker() };
  }
}

function isElectable({ definition, state }: LocalService): boolean {
  return definition.mode === "leader" && state === "running";
}
