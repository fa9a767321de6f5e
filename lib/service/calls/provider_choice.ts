/**
 * Who may serve a call: this program, those that are attached to this node, or others.
 * @module
 */

import type { CallMode } from "./balancer.ts";
import type { CallOrder } from "./pending_calls.ts";
import type { CallPath } from "./call_options.ts";
import { CircuitBreaker, type Provider, type ServiceDirectory } from "../directory/mod.ts";
import type { LocalServices } from "../local/mod.ts";
import type { WireRouting } from "../wire/mod.ts";
import { isProgram, type PeerId, type ServicePeers } from "../ports.ts";
import type { ServiceLeadership } from "../registry/mod.ts";

/** What a choice depends on. */
export interface ProviderChoiceParts {
  readonly upstream: PeerId | undefined;
  readonly peers: ServicePeers;
  readonly services: LocalServices;
  readonly directory: ServiceDirectory;
  readonly leadership: ServiceLeadership;
}

const ANYBODY = {
  path: "",
  version: "",
  description: "",
  actions: [],
  events: [],
  elects: false,
  port: 0,
  protocol: "",
};

/** Local preference, programs before other nodes, and the one who leads. */
export class ProviderChoice {
  readonly #parts: ProviderChoiceParts;

  constructor(parts: ProviderChoiceParts) {
    this.#parts = parts;
  }

  /** The mode of a call whose caller has not chosen. */
  usualMode({ service }: CallPath): CallMode {
    return this.#parts.leadership.isElected(service) ? "leader" : "round-robin";
  }

  /** Who may serve an order: programs of this node before others; in mode `leader` the one who leads. */
  providers({ service, path, mode, peer }: CallOrder): readonly Provider[] {
    const { directory, upstream, leadership, peers: { self } } = this.#parts;
    if (upstream !== undefined) return [anyProvider(upstream)];
    if (peer !== undefined && path.includes(":$")) return [anyProvider(peer)];
    const providers = directory.providers(service);
    let programs = providers.filter((one) => isProgram(one.peer));
    const isLed = programs.length > 1 && leadership.isElected(service);
    // Of several programs that lead together one is asked, and the same one each time.
    if (isLed) programs = programs.filter((one) => one.service.state === "running").slice(0, 1);
    if (mode === "local" || peer === self) return programs;
    if (peer !== undefined) return providers.filter((one) => one.peer === peer);
    if (mode === "leader") {
      const leader = leadership.ranked(service).slice(0, 1);
      return leader[0]?.peer === self ? programs : leader;
    }
    return programs.some((one) => one.service.state === "running") ? programs : providers;
  }

  /** Local preference: a service that runs here is called here, unless somebody in particular is wanted. */
  isHere({ service }: CallPath, mode: CallMode, peer: PeerId | undefined): boolean {
    const { services, peers: { self }, leadership, upstream, directory } = this.#parts;
    const local = services.get(service);
    if (local === undefined) return false;
    // Of what everybody has, a program asks its agent, who knows all.
    if (upstream !== undefined && service.includes(":$")) return false;
    if (peer !== undefined) return peer === self;
    if (mode === "leader") return upstream === undefined && leadership.leaderOf(service) === self;
    if (mode === "all") return false;
    // A paused one leaves it to the others, if there are any.
    return local.state === "running" || directory.providers(service).length === 0;
  }

  /**
   * Whether a service of this very program serves a request of a program that is attached.
   * @param routing what the program wants
   */
  isServedHere(path: CallPath, routing: WireRouting | undefined): boolean {
    const wanted = routing === undefined || routing.mode === "" ? undefined : routing.mode as CallMode;
    if (routing !== undefined && routing.node !== "") {
      const peer = this.#parts.peers.find(routing.node);
      return peer !== undefined && this.isHere(path, "round-robin", peer);
    }
    return this.isHere(path, wanted ?? this.usualMode(path), undefined);
  }

  /** Whether a program that is attached offers the service. */
  hasProgram({ service }: CallPath): boolean {
    return this.#parts.directory.providers(service).some(({ peer }) => isProgram(peer));
  }

  /** Whether whoever offers the action says that running it twice does no harm. */
  isIdempotent({ service, action }: CallPath): boolean {
    const [provider] = this.#parts.directory.providers(service);
    return provider?.service.actions.find(({ name }) => name === action)?.idempotent ?? false;
  }
}

function anyProvider(peer: PeerId): Provider {
  return { peer, run: 0, service: { ...ANYBODY, state: "running" }, breaker: new CircuitBreaker() };
}
