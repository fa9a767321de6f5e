/**
 * What this host does about routes: it leads packets of the networks that members lead to into the mesh, and where it is one of
 * those members, out of it.
 * @module
 */

import type { Clock, Logger, Millis } from "../../base/mod.ts";
import type { GatewayHost, HostNetwork, HostRoute, HostRouting } from "../../host/mod.ts";
import { findRouteOverlap } from "../../host/mod.ts";
import type { MemberRecord, NodeId } from "../../mesh/mod.ts";
import type { Cidr, IpAddress } from "../../net/mod.ts";
import { type Candidate, CarrierChoice } from "./carrier_choice.ts";
import type { RouteActs } from "./route_acts.ts";
import type { KnownRoute, RouteBook } from "./route_book.ts";

/** A network has to be there again for so long before this node says so, in milliseconds: a bad cable is not told of each time. */
export const BACK_FOR_MS = 5_000;

/** What has come of a network on this host. */
export interface LocalRoute {
  /** Who carries this host's packets; undefined when they are not led into the mesh. */
  readonly carrier: NodeId | undefined;
  /** Why they are not, or why this host does not lead there. */
  readonly problem?: string;
}

/** What it is made of. */
export interface RouteSyncParts {
  readonly book: Pick<RouteBook, "approved">;
  readonly acts: Pick<RouteActs, "setDown">;
  readonly clock: Pick<Clock, "now">;
  readonly log: Logger;
  readonly ownId: () => NodeId;
  /** The records of all members and devices. */
  readonly records: () => Iterable<MemberRecord>;
  /** How a member is; undefined when nobody has asked it yet. */
  readonly health: (nodeId: NodeId) => Pick<Candidate, "healthy" | "score"> | undefined;
  /** Where peers are, and whom this node has links with, outside. */
  readonly peerAddresses: () => Iterable<IpAddress>;
  readonly peers: { setCarried(carried: ReadonlyMap<NodeId, readonly Cidr[]>): void };
  /** Who is sent what is for nobody that this host knows, and what that is; undefined for nobody. */
  readonly exit: () => { readonly nodeId: NodeId; readonly prefixes: readonly Cidr[] } | undefined;
  readonly interfaceName: string;
  /** The host's links and routes; to be closed by whoever opened it. */
  readonly network: Pick<HostNetwork, "listRoutes" | "addRoute" | "removeRoute">;
  readonly host: Pick<GatewayHost, "lead" | "homeless" | "lacks">;
}

/** A network that is to be reached, and who leads there. */
interface WantedRoute {
  readonly prefix: Cidr;
  readonly carriers: NodeId[] | "here";
  /** Those who say that they have no way there themselves. */
  readonly down: Set<NodeId>;
  /** Whether it is behind a plain device. */
  readonly isDevice: boolean;
}

/** Follows what there is; each call is one synchronous turn. */
export class RouteSync implements Disposable {
  readonly #parts: RouteSyncParts;
  readonly #choice = new CarrierChoice();
  /** The routes that this host has, by their text. */
  readonly #installed = new Map<string, Cidr>();
  /** Why routes could not be made, by their text: told once. */
  readonly #failures = new Map<string, string>();
  #local = new Map<string, LocalRoute>();
  #carried = "";
  #led = "";
  #ledProblem: string | undefined;
  /** Since when networks are there again that are said to be down, by their text. */
  readonly #backSince = new Map<string, Millis>();
  #downProblem: string | undefined;

  constructor(parts: RouteSyncParts) {
    this.#parts = parts;
  }

  /** @returns what has come of a network */
  local(prefix: Cidr): LocalRoute | undefined {
    return this.#local.get(`${prefix}`);
  }

  /** The networks that this host leads into the mesh now. */
  get installed(): readonly Cidr[] {
    return [...this.#installed.values()];
  }

  /** Brings this host in line; early and repeated calls are harmless. */
  follow(): void {
    const { book } = this.#parts;
    this.#lead(book.approved);
    this.#sayDown(book.approved);
    const wanted = this.#wanted(book.approved);
    const exit = this.#parts.exit();
    if (wanted.size === 0 && this.#installed.size === 0 && exit === undefined && this.#carried === "") {
      this.#local.clear();
      return;
    }
    const hostRoutes = this.#parts.network.listRoutes();
    const outside = [...this.#parts.peerAddresses()];
    const local = new Map<string, LocalRoute>();
    const carried = new Map<NodeId, Cidr[]>();
    const usable = new Map<string, Cidr>();
    for (const [text, { prefix, carriers, down, isDevice }] of wanted) {
      const problem = carriers === "here" ? undefined : this.#problem(prefix, hostRoutes, outside);
      const carrier = carriers === "here" || problem !== undefined
        ? undefined
        : this.#choose(text, carriers, down);
      if (carrier !== undefined) {
        usable.set(text, prefix);
        // What is behind a device is its peer's, or its hub's, as long as its record says so.
        if (!isDevice) carried.set(carrier, [...carried.get(carrier) ?? [], prefix]);
      }
      const own = carriers === "here" ? this.#ownProblem(prefix) : problem;
      local.set(text, { carrier, ...own !== undefined && { problem: own } });
    }
    if (exit !== undefined && exit.prefixes.length > 0) {
      carried.set(exit.nodeId, [...carried.get(exit.nodeId) ?? [], ...exit.prefixes]);
    }
    this.#choice.keep(new Set(wanted.keys()));
    for (const text of this.#failures.keys()) if (!wanted.has(text)) this.#failures.delete(text);
    this.#report(local);
    // Who carries is known before packets come for it, and stays known until none come any more.
    for (const text of this.#installed.keys()) if (!usable.has(text)) this.#uninstall(text);
    this.#carry(carried);
    for (const [text, prefix] of usable) this.#install(text, prefix, hostRoutes);
  }

  /** Takes everything back that does not go with the interface. Harmless when repeated. */
  [Symbol.dispose](): void {
    this.#led = "";
    this.#parts.host.lead([]);
  }

  /** @returns by network who leads there, in order; `here` for this node */
  #wanted(
    approved: readonly (KnownRoute & { readonly owner: MemberRecord })[],
  ): ReadonlyMap<string, WantedRoute> {
    const self = this.#parts.ownId();
    const wanted = new Map<string, WantedRoute>();
    // What is behind a device is said in its record; it is its hub's peer, or everybody's.
    for (const { nodeId, hub, allowedIps } of this.#parts.records()) {
      for (const prefix of allowedIps) {
        const carriers = nodeId === self
          ? "here" as const
          : [hub === self || hub === undefined ? nodeId : hub];
        wanted.set(`${prefix}`, { prefix, carriers, down: new Set(), isDevice: true });
      }
    }
    for (const { prefix, owner, isDown } of approved) {
      const text = `${prefix}`;
      const known = wanted.get(text);
      if (prefix.prefixBits === 0 || known?.isDevice) continue;
      const down = known?.down ?? new Set();
      if (isDown) down.add(owner.nodeId);
      if (owner.nodeId === self) wanted.set(text, { prefix, carriers: "here", down, isDevice: false });
      else if (known === undefined) {
        wanted.set(text, { prefix, carriers: [owner.nodeId], down, isDevice: false });
      } else if (known.carriers !== "here") known.carriers.push(owner.nodeId);
    }
    return wanted;
  }

  #choose(text: string, carriers: readonly NodeId[], down: ReadonlySet<NodeId>): NodeId | undefined {
    const candidates = carriers.map((nodeId) => ({
      nodeId,
      healthy: undefined,
      score: 0,
      ...this.#parts.health(nodeId),
      // It answers, but leads nowhere.
      ...down.has(nodeId) && { healthy: false },
    }));
    return this.#choice.choose(this.#parts.clock.now(), text, candidates);
  }

  #problem(
    prefix: Cidr,
    routes: readonly HostRoute[],
    outside: readonly IpAddress[],
  ): string | undefined {
    const { interfaceName } = this.#parts;
    const overlap = findRouteOverlap(prefix, routes, interfaceName);
    if (overlap !== undefined) {
      return `this host leads ${overlap.cidr} to ${overlap.interfaceName ?? "nowhere"} already`;
    }
    // What carries the mesh would have to be carried by it.
    const peer = outside.find((address) => prefix.contains(address));
    return peer && `what carries the mesh goes to ${peer}, which is in it`;
  }

  #ownProblem(prefix: Cidr): string | undefined {
    const { host } = this.#parts;
    if (this.#ledProblem !== undefined) return this.#ledProblem;
    if (host.homeless.some((other) => other.equals(prefix))) return "this host itself has no way there";
    return host.lacks.includes(prefix.family)
      ? `this host's kernel can forward IPv${prefix.family} for all interfaces only, and does not`
      : undefined;
  }

  #install(text: string, prefix: Cidr, hostRoutes: readonly HostRoute[]): void {
    const { interfaceName, network, log } = this.#parts;
    const isThere = hostRoutes.some((route) =>
      route.interfaceName === interfaceName && route.cidr.equals(prefix)
    );
    this.#installed.set(text, prefix);
    if (isThere) return;
    try {
      network.addRoute(prefix, interfaceName);
      this.#failures.delete(text);
      log.info("a network is reached through the mesh", { network: text });
    } catch (error) {
      this.#installed.delete(text);
      const problem = error instanceof Error ? error.message : String(error);
      this.#local.set(text, { carrier: undefined, problem });
      if (this.#failures.get(text) !== problem) {
        log.warn("cannot lead a network into the mesh", { network: text, error });
      }
      this.#failures.set(text, problem);
    }
  }

  #uninstall(text: string): void {
    const { interfaceName, network, log } = this.#parts;
    const prefix = this.#installed.get(text);
    this.#installed.delete(text);
    if (prefix === undefined) return;
    try {
      network.removeRoute(prefix, interfaceName);
      log.info("a network is no longer reached through the mesh", { network: text });
    } catch (error) {
      log.warn("cannot take a route back", { network: text, error });
    }
  }

  #carry(carried: ReadonlyMap<NodeId, readonly Cidr[]>): void {
    const text = [...carried].map(([nodeId, prefixes]) => `${nodeId} ${prefixes.join()}`).sort().join("\n");
    if (text === this.#carried) return;
    this.#carried = text;
    this.#parts.peers.setCarried(carried);
  }

  #lead(approved: readonly (KnownRoute & { readonly owner: MemberRecord })[]): void {
    const { host, log } = this.#parts;
    const self = this.#parts.ownId();
    const routings: HostRouting[] = approved.filter(({ owner }) => owner.nodeId === self)
      .map(({ prefix, masquerade }) => ({ prefix, masquerade: masquerade || prefix.prefixBits === 0 }));
    const text = routings.map(({ prefix, masquerade }) => `${prefix} ${masquerade}`).join();
    if (text === "" && this.#led === "") return;
    const before = this.#ledProblem;
    try {
      // Said again, it looks where the networks are now.
      host.lead(routings);
      this.#ledProblem = undefined;
      if (text !== this.#led) log.info("this host leads members to networks", { networks: text || "none" });
      this.#led = text;
    } catch (error) {
      this.#led = text;
      this.#ledProblem = error instanceof Error ? error.message : String(error);
      if (before !== this.#ledProblem) log.warn("cannot lead members to networks", { error });
    }
  }

  /** The next one takes over from this node, while it has no way itself to where it leads. */
  #sayDown(approved: readonly (KnownRoute & { readonly owner: MemberRecord })[]): void {
    const { acts, clock, log } = this.#parts;
    const self = this.#parts.ownId();
    const back = new Set<string>();
    let failure: string | undefined;
    for (const { prefix, owner, isDown } of approved) {
      if (owner.nodeId !== self || prefix.prefixBits === 0) continue;
      const text = `${prefix}`;
      const isLost = this.#ownProblem(prefix) !== undefined;
      if (!isLost && !isDown) continue;
      if (!isLost) {
        back.add(text);
        const since = this.#backSince.get(text) ?? clock.now();
        this.#backSince.set(text, since);
        if (clock.now() - since < BACK_FOR_MS) continue;
      }
      try {
        // Said again, it is renewed before it lapses.
        acts.setDown(prefix, isLost);
      } catch (error) {
        failure = error instanceof Error ? error.message : String(error);
      }
    }
    for (const text of this.#backSince.keys()) if (!back.has(text)) this.#backSince.delete(text);
    if (failure !== undefined && failure !== this.#downProblem) {
      log.warn("cannot say to which networks this host has a way", { problem: failure });
    }
    this.#downProblem = failure;
  }

  /** Each problem is told once. */
  #report(local: Map<string, LocalRoute>): void {
    for (const [network, { problem }] of local) {
      if (problem === undefined || this.#local.get(network)?.problem === problem) continue;
      this.#parts.log.warn("a network that members lead to is not reached through the mesh", {
        network,
        problem,
      });
    }
    this.#local = local;
  }
}
