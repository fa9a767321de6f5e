/**
 * Who may serve a call of a node: its own program, the programs that are attached to it, or other nodes.
 * @module
 */

import type { CallMode } from "../bounds.ts";
import type { CallPath } from "./call_options.ts";
import type { CallOrder } from "./pending_calls.ts";
import { CircuitBreaker, type Provider, type ServiceDirectory } from "../directory/mod.ts";
import type { LocalService, LocalServices } from "../local/mod.ts";
import { isProgram, type PeerId, type ServicePeers } from "../ports.ts";
import type { ServiceLeadership } from "../leadership/mod.ts";
import type { AdvertisedService } from "../wire/mod.ts";

interface ProviderChoiceParts {
  readonly peers: ServicePeers;
  readonly services: LocalServices;
  /** What other nodes offer. */
  readonly directory: ServiceDirectory;
  /** What attached programs offer. */
  readonly programs: ServiceDirectory;
  readonly leadership: ServiceLeadership;
}

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
  readonly #parts: ProviderChoiceParts;

  constructor(parts: ProviderChoiceParts) {
    this.#parts = parts;
  }

  /** The mode of a call whose caller has not chosen. */
  usualMode({ service }: CallPath): CallMode {
    return this.#parts.leadership.isElected(service) ? "leader" : "round-robin";
  }

  /** @returns the service of this program, when it is to serve the call */
  here(path: CallPath, mode: CallMode, peer: PeerId | undefined): LocalService | undefined {
    const own = this.#parts.services.get(path.service);
    return own !== undefined && this.#isHere(own, path.service, mode, peer) ? own : undefined;
  }

  /** Other nodes and attached programs that offer a service, whatever its state. @param service with its network */
  all(service: string): readonly Provider[] {
    const nodes = this.#parts.directory.providers(service);
    const programs = this.#parts.programs.providers(service);
    if (programs.length === 0) return nodes;
    return nodes.length === 0 ? programs : [...nodes, ...programs];
  }

  /** Who may serve an order: attached programs before other nodes; in mode `leader` the one that leads. */
  providers({ path: { service, text }, to: { mode, peer } }: CallOrder): readonly Provider[] {
    const { leadership, peers: { self } } = this.#parts;
    if (peer !== undefined && text.includes(":$")) return [anyProvider(peer)];
    if (peer !== undefined && peer !== self && mode !== "local") {
      const { directory, programs } = this.#parts;
      return (isProgram(peer) ? programs : directory).providers(service).filter((one) => one.peer === peer);
    }
    let programs = this.#parts.programs.providers(service);
    // Of several programs that lead together one is asked, and the same one each time.
    if (programs.length > 1 && leadership.isElected(service)) {
      programs = programs.filter((one) => one.service.state === "running").slice(0, 1);
    }
    if (mode === "local" || peer === self) return programs;
    if (mode === "leader") {
      const leader = leadership.ranked(service).slice(0, 1);
      return leader[0]?.peer === self ? programs : leader;
    }
    return programs.some((one) => one.service.state === "running") ? programs : this.all(service);
  }

  /** Whether an attached program offers the service. */
  hasProgram({ service }: CallPath): boolean {
    return this.#parts.programs.providers(service).length > 0;
  }

  /** Whether whoever offers the action says that running it twice does no harm. */
  isIdempotent({ service, action }: CallPath): boolean {
    const { directory, programs } = this.#parts;
    const provider = directory.providers(service)[0] ?? programs.providers(service)[0];
    return provider?.service.actions.find(({ name }) => name === action)?.idempotent ?? false;
  }

  #isHere(own: LocalService, service: string, mode: CallMode, peer: PeerId | undefined): boolean {
    const { peers: { self }, leadership, directory } = this.#parts;
    if (peer !== undefined) return peer === self;
    if (mode === "leader") return leadership.leaderOf(service) === self;
    if (mode === "all") return false;
    if (own.state === "running") return true;
    // A paused one leaves it to the others, if there are any.
    return directory.providers(service).length === 0 && this.#parts.programs.providers(service).length === 0;
  }
}

/** @returns a provider that is in no directory, for services that everybody has */
export function anyProvider(peer: PeerId, breaker: CircuitBreaker = new CircuitBreaker()): Provider {
  return { peer, run: 0, service: ANYTHING, breaker };
}
