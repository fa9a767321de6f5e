/**
 * The routes of a running node: what members offer, what leaders have approved, and what this host does about it.
 * @module
 */

import type { RouteReport } from "../../api/mod.ts";
import { repeat } from "../../base/mod.ts";
import type { WireGuardPlane } from "../../dataplane/mod.ts";
import { type GatewayHost, Netlink } from "../../host/mod.ts";
import { isAboutStatement, type MemberRecord, type NodeId } from "../../mesh/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { Candidate } from "./carrier_choice.ts";
import { RouteActs } from "./route_acts.ts";
import { type KnownRoute, RouteBook } from "./route_book.ts";
import { ROUTE_KIND, ROUTE_OFFER_KIND } from "./route_entry.ts";
import { RouteSync, type RouteSyncParts } from "./route_sync.ts";

/** How often it is looked who answers, and where the host's own routes lead, in milliseconds. */
const LOOK_MS = 1_000;
/** What changes together is carried out together. */
const PAUSE_MS = 5;

/** What it is made of. */
export interface RoutesParts extends AgentContext {
  /** @returns the member that goes on from this id */
  readonly ownerOf: (nodeId: NodeId) => MemberRecord | undefined;
  /** How a member is; undefined when nobody has asked it yet. */
  readonly health: (nodeId: NodeId) => Pick<Candidate, "healthy" | "score"> | undefined;
  /** What forwards on this host. */
  readonly gatewayHost: () => GatewayHost;
}

/** This node's interface. */
export interface RoutedInterface {
  readonly plane: Pick<WireGuardPlane, "peerStatuses">;
  readonly peers: RouteSyncParts["peers"];
}

/** From the start of the agent to its end. */
export class Routes {
  readonly book: RouteBook;
  readonly acts: RouteActs;
  readonly #parts: RoutesParts;
  readonly #unsubscribe: () => void;
  #sync: RouteSync | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(parts: RoutesParts) {
    this.#parts = parts;
    const { mesh, endpoints } = parts;
    this.book = new RouteBook({ ...parts, overlay: () => endpoints.overlay });
    this.acts = new RouteActs({ ...parts, book: this.book });
    this.#unsubscribe = mesh.replica.subscribe({
      handleEntryEvent: ({ kind }) => {
        if (kind !== ROUTE_KIND && kind !== ROUTE_OFFER_KIND) return;
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
    const { mesh, options: { interfaceName }, gatewayHost } = this.#parts;
    const resources = new DisposableStack();
    const network = resources.use(Netlink.open());
    this.#sync = resources.use(
      new RouteSync({
        ...this.#parts,
        book: this.book,
        ownId: () => mesh.identity.id,
        records: () => mesh.roster.liveRecords(),
        peerAddresses: () => plane.peerStatuses().flatMap(({ endpoint }) => endpoint?.address ?? []),
        peers,
        interfaceName,
        network,
        host: gatewayHost(),
      }),
    );
    const look = { intervalMs: LOOK_MS, problem: "cannot look after the routes" };
    resources.defer(repeat(this.#parts, look, () => this.follow()));
    resources.defer(() => {
      this.#sync = undefined;
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
    });
    this.#followSoon();
    return resources;
  }

  /** Brings this host in line at once. */
  follow(): void {
    this.#sync?.follow();
  }

  /** What time alone brings about. @param isElected whether this node is the elected leader */
  lookAfter(isElected: boolean): void {
    this.acts.lookAfter(isElected);
  }

  /** Follows nothing any more. */
  close(): void {
    this.#unsubscribe();
    this.#cancelTimer?.();
  }

  /** @returns all routes, as this node sees them */
  reports(): readonly RouteReport[] {
    return this.book.routes.map((route) => this.report(route));
  }

  /** @returns one route, as this node sees it */
  report({ prefix, owner, signedId, masquerade, state, decision }: KnownRoute): RouteReport {
    const { mesh: { roster, identity } } = this.#parts;
    const nameOf = (nodeId: NodeId) => roster.recordById(nodeId)?.name ?? nodeId;
    const isExit = prefix.prefixBits === 0;
    const local = this.#sync?.local(prefix);
    const isHere = owner?.nodeId === identity.id;
    const isCarried = state === "approved" && local !== undefined && local.carrier === owner?.nodeId;
    const use = state !== "approved" ? "none" : isHere ? "here" : isCarried ? "carries" : "standby";
    const problem = state === "approved" && !isExit ? local?.problem : undefined;
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
