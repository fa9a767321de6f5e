/**
 * The routes of a running node: what members offer, what leaders have approved, and what this host does about it.
 * @module
 */

import type { RouteReport } from "../../api/mod.ts";
import { repeat } from "../../base/mod.ts";
import type { WireGuardPlane } from "../../dataplane/mod.ts";
import { HostJournal, Netlink } from "../../host/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import { isAboutStatement, type MemberRecord, type NodeId } from "../../mesh/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import { SharedGatewayHost } from "../networks/mod.ts";
import type { Candidate } from "./carrier_choice.ts";
import { exitDials } from "./exit_dials.ts";
import { ExitUse } from "./exit_use.ts";
import { LinkedAddresses } from "./linked_addresses.ts";
import { RouteActs } from "./route_acts.ts";
import { type KnownRoute, RouteBook } from "./route_book.ts";
import { ROUTE_DOWN_KIND, ROUTE_KIND, ROUTE_OFFER_KIND } from "./route_entry.ts";
import { RouteSync, type RouteSyncParts } from "./route_sync.ts";

/** How often it is looked who answers, and where the host's own routes lead, in milliseconds. */
const LOOK_MS = 1_000;
/** What changes together is carried out together. */
const PAUSE_MS = 5;

/** So many places to which links went are remembered for an exit. */
const MAX_LINKED = 12;

/** What it is made of. */
export interface RoutesParts extends AgentContext {
  /** @returns the member that goes on from this id */
  readonly ownerOf: (nodeId: NodeId) => MemberRecord | undefined;
  /** How a member is; undefined when nobody has asked it yet. */
  readonly health: (nodeId: NodeId) => Pick<Candidate, "healthy" | "score"> | undefined;
  /** Where the links that this node has dialled go on this host's networks. */
  readonly linkedAt: () => readonly Endpoint[];
}

/** This node's interface. */
export interface RoutedInterface {
  readonly plane: Pick<WireGuardPlane, "peerStatuses">;
  readonly peers: RouteSyncParts["peers"];
}

/** From the start of the agent to its end. */
export class Routes implements Disposable {
  readonly book: RouteBook;
  readonly acts: RouteActs;
  /** Through whom everything is sent. */
  readonly exit: ExitUse;
  /** What forwards on this host, for overlay networks too. */
  readonly gatewayHost: SharedGatewayHost;
  readonly #parts: RoutesParts;
  readonly #unsubscribe: () => void;
  /** Where this node's links went, the latest last. */
  readonly #linked = new Map<string, Endpoint>();
  #sync: RouteSync | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(parts: RoutesParts) {
    this.#parts = parts;
    const { mesh, endpoints } = parts;
    this.book = new RouteBook({ ...parts, overlay: () => endpoints.overlay });
    this.acts = new RouteActs({ ...parts, book: this.book });
    this.gatewayHost = new SharedGatewayHost(parts);
    this.exit = new ExitUse({
      ...parts,
      book: this.book,
      ownFamilies: () => mesh.record.addresses.map(({ family }) => family),
      dials: (exit) => this.#dials(exit),
    });
    this.#unsubscribe = mesh.replica.subscribe({
      handleEntryEvent: ({ kind }) => {
        if (kind !== ROUTE_KIND && kind !== ROUTE_OFFER_KIND && kind !== ROUTE_DOWN_KIND) return;
        this.book.forget();
        this.#followSoon();
      },
      handleRosterEvent: (event) => {
        if (isAboutStatement(event)) return;
        this.book.forget();
        this.#followSoon();
      },
    });
  }

  /**
   * Begins to change this host.
   * @returns what ends it, before the interface goes
   */
  start({ plane, peers }: RoutedInterface): Disposable {
    const { mesh, store, endpoints, options: { interfaceName, port } } = this.#parts;
    const resources = new DisposableStack();
    const network = resources.use(Netlink.open());
    const linked = new LinkedAddresses(this.#parts.linkedAt);
    this.#sync = resources.use(
      new RouteSync({
        ...this.#parts,
        book: this.book,
        acts: this.acts,
        ownId: () => mesh.identity.id,
        records: () => mesh.roster.liveRecords(),
        peerAddresses: () => [
          ...plane.peerStatuses().flatMap(({ endpoint }) => endpoint?.address ?? []),
          ...linked.get(),
        ],
        peers,
        exit: () => {
          const nodeId = this.exit.exit?.nodeId;
          return nodeId && { nodeId, prefixes: this.exit.prefixes() };
        },
        interfaceName,
        network,
        host: this.gatewayHost.get(),
      }),
    );
    // An exit's are none of them: what carries the mesh goes past it.
    endpoints.routedPrefixes = () => this.#sync?.installed.filter(({ prefixBits }) => prefixBits > 0) ?? [];
    this.exit.start({
      network,
      journal: new HostJournal(store),
      fixed: { interfaceName, port, uid: Deno.uid() ?? 0, overlay: endpoints.overlay },
    });
    resources.defer(() => this.exit.close());
    const look = { intervalMs: LOOK_MS, problem: "cannot look after the routes" };
    resources.defer(repeat(this.#parts, look, () => this.follow()));
    resources.defer(() => {
      this.#sync = undefined;
      endpoints.routedPrefixes = () => [];
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
    });
    try {
      // Before the first packet finds its way.
      this.exit.follow();
    } catch (error) {
      resources.dispose();
      throw error;
    }
    this.#followSoon();
    return resources;
  }

  /** Brings this host in line at once. */
  follow(): void {
    try {
      // First of all nothing gets out another way.
      if (this.#sync !== undefined) this.exit.follow();
    } finally {
      this.#sync?.follow();
    }
  }

  /** What time alone brings about. @param isElected whether this node is the elected leader */
  lookAfter(isElected: boolean): void {
    this.acts.lookAfter(isElected);
  }

  /** Follows nothing any more. */
  [Symbol.dispose](): void {
    this.#unsubscribe();
    this.#cancelTimer?.();
    this.gatewayHost[Symbol.dispose]();
  }

  /** @returns why nothing gets out although an exit was chosen; undefined when it does, or none was */
  exitProblem(): string | undefined {
    const { exit, chosen } = this.exit;
    if (chosen === undefined) return undefined;
    if (this.exit.failure !== undefined) return this.exit.failure;
    if (exit === undefined) return "the exit is no member any more";
    if (this.exit.prefixes().length === 0) return `no leader has ${exit.name} be an exit any more`;
    return this.#parts.health(exit.nodeId)?.healthy === false ? `${exit.name} does not answer` : undefined;
  }

  /** @returns all routes, as this node sees them */
  reports(): readonly RouteReport[] {
    return this.book.routes.map((route) => this.report(route));
  }

  /** @returns one route, as this node sees it */
  report({ prefix, owner, signedId, masquerade, state, decision, isDown }: KnownRoute): RouteReport {
    const { mesh: { roster, identity } } = this.#parts;
    const nameOf = (nodeId: NodeId) => roster.recordById(nodeId)?.name ?? nodeId;
    const isExit = prefix.prefixBits === 0;
    const local = this.#sync?.local(prefix);
    const isHere = owner?.nodeId === identity.id;
    const isUsedExit = isExit && owner !== undefined && this.exit.exit?.nodeId === owner.nodeId;
    const isCarried = isUsedExit ||
      state === "approved" && local !== undefined && local.carrier === owner?.nodeId;
    const use = state !== "approved" ? "none" : isHere ? "here" : isCarried ? "carries" : "standby";
    const own = isUsedExit ? this.exitProblem() : state === "approved" ? local?.problem : undefined;
    const problem = own ??
      (isDown && !isHere && state === "approved" ? "the router itself has no way there" : undefined);
    return {
      network: `${prefix}`,
      node: owner?.name ?? nameOf(signedId),
      state,
      masquerade: masquerade || isExit,
      isExit,
      use: use === "standby" && (isExit || local?.carrier === undefined) ? "none" : use,
      ...decision && { decidedBy: nameOf(decision.decidedBy), decidedAt: decision.decidedAt },
      ...problem !== undefined && { problem },
    };
  }

  /** Leaders, and the exit, are dialled past it: without them nobody would hear when it is back. */
  #dials(exit: NodeId | undefined): readonly Endpoint[] {
    const { mesh: { roster, identity }, endpoints } = this.#parts;
    const members = roster.members().filter(({ record: { nodeId, roles } }) =>
      nodeId !== identity.id && (nodeId === exit || roles.includes("leader"))
    );
    return exitDials(members, exit, endpoints, this.#rememberLinks());
  }

  /** A link that breaks is dialled where it was: behind a name, a proxy or a member that relays. */
  #rememberLinks(): readonly Endpoint[] {
    for (const endpoint of this.#parts.linkedAt()) {
      const key = endpoint.toString();
      this.#linked.delete(key);
      this.#linked.set(key, endpoint);
      const [oldest] = this.#linked.keys();
      if (this.#linked.size > MAX_LINKED && oldest !== undefined) this.#linked.delete(oldest);
    }
    return [...this.#linked.values()].reverse();
  }

  #followSoon(): void {
    if (this.#sync === undefined || this.#cancelTimer !== undefined) return;
    const { timers, log } = this.#parts;
    this.#cancelTimer = timers.setTimer(PAUSE_MS, () => {
      this.#cancelTimer = undefined;
      try {
        this.follow();
      } catch (error) {
        log.error("cannot follow the routes", { error });
      }
    });
  }
}
