/**
 * Which networks members lead to: what they offer, and what the network's key has signed of it, read on every node alike.
 *
 *     entries `route`, `route-offer`, member records --> RouteBook --> operations, RouteSync, policies
 *
 * @module
 */

import { type MemberRecord, type MeshState, type NodeId, parseNodeId } from "../../mesh/mod.ts";
import { type Cidr, hostlessBlock } from "../../net/mod.ts";
import {
  decodeDecision,
  decodeOffer,
  parsePrefix,
  ROUTE_DOWN_KIND,
  ROUTE_KIND,
  ROUTE_OFFER_KIND,
  type RouteDecision,
} from "./route_entry.ts";

/** How many decisions there are in a mesh. */
export const MAX_ROUTES = 256;
/** How many networks are led to by one member. */
export const MAX_MEMBER_ROUTES = 32;
/** How many offers of one member are looked at, the first in the order of their text. */
export const MAX_MEMBER_OFFERS = 32;
/** How many offers are looked at in all. */
export const MAX_OFFERS = 1_024;

/** A network and a member that leads there, or would. */
export interface KnownRoute {
  readonly prefix: Cidr;
  /** By what id the member was known when it was decided on; its own for an offer. */
  readonly signedId: NodeId;
  /** The member, under whatever keys; undefined when it is none any more. */
  readonly owner: MemberRecord | undefined;
  readonly masquerade: boolean;
  /** `withdrawn` by the member itself, although it is approved. */
  readonly state: "offered" | "approved" | "rejected" | "withdrawn";
  /** Whether the member says that it has no way there itself at present; nobody else can say so of it. */
  readonly isDown: boolean;
  /** Absent while nobody has decided. */
  readonly decision?: RouteDecision;
  /** The version of the offer that is there; 0 for none. */
  readonly offerVersion: number;
}

/** What it reads. */
export interface RouteBookParts {
  readonly mesh: Pick<MeshState, "replica">;
  /** The blocks of the mesh itself. */
  readonly overlay: () => readonly Cidr[];
  /** @returns the member that goes on from this id */
  readonly ownerOf: (nodeId: NodeId) => MemberRecord | undefined;
}

/** Reads entries, and keeps what it has read until one of them or a member changes. */
export class RouteBook {
  readonly #parts: RouteBookParts;
  #routes: readonly KnownRoute[] | undefined;

  constructor(parts: RouteBookParts) {
    this.#parts = parts;
  }

  /** Something has changed; what is asked next is read anew. */
  forget(): void {
    this.#routes = undefined;
  }

  /** All of them by network, and those of one network in the order in which they were approved. */
  get routes(): readonly KnownRoute[] {
    return this.#routes ??= this.#read();
  }

  /** Those that are led to, `0.0.0.0/0` and `::/0` among them. */
  get approved(): readonly (KnownRoute & { readonly owner: MemberRecord })[] {
    return this.routes.filter((route): route is KnownRoute & { readonly owner: MemberRecord } =>
      route.state === "approved" && route.owner !== undefined
    );
  }

  /** @returns the networks that members lead to by the word of the network's key, by their ids */
  blocks(): ReadonlyMap<NodeId, readonly Cidr[]> {
    const blocks = new Map<NodeId, Cidr[]>();
    for (const { prefix, owner } of this.approved) {
      if (prefix.prefixBits === 0) continue;
      const known = blocks.get(owner.nodeId);
      if (known === undefined) blocks.set(owner.nodeId, [prefix]);
      else known.push(prefix);
    }
    return blocks;
  }

  /** @returns why members can't be led to a network at all, as in "10.200.0.0/16 is the mesh's own", or undefined */
  problem(prefix: Cidr): string | undefined {
    if (prefix.prefixBits === 0) return undefined;
    const own = this.#parts.overlay().find((block) => block.overlaps(prefix));
    if (own !== undefined) return `it overlaps ${own}, which is the mesh's own`;
    const hostless = hostlessBlock(prefix);
    return hostless && `${hostless.block} ${hostless.what}`;
  }

  #read(): readonly KnownRoute[] {
    const { mesh: { replica: { entries } }, ownerOf } = this.#parts;
    const offers = this.#offers();
    const down = this.#down();
    const routes: KnownRoute[] = [];
    const decided = new Set<string>();
    // A former version may have kept what members wrote of this kind.
    const signed = entries.list(ROUTE_KIND).filter(({ origin, key }) =>
      origin === entries.networkOrigin(ROUTE_KIND, key)
    );
    for (const { key, body } of signed.slice(0, MAX_ROUTES)) {
      const decision = decodeDecision(key, body);
      if (decision === undefined || this.problem(decision.prefix) !== undefined) continue;
      const { prefix, nodeId, masquerade, rejected } = decision;
      const owner = ownerOf(nodeId);
      const offer = owner && offers.get(`${prefix}@${owner.nodeId}`);
      if (owner !== undefined) decided.add(`${prefix}@${owner.nodeId}`);
      const isNewer = offer !== undefined && offer.version > decision.offerVersion;
      const state = rejected
        // Who offers it again asks again.
        ? isNewer && !offer.withdrawn ? "offered" : "rejected"
        : isNewer && offer.withdrawn
        ? "withdrawn"
        : "approved";
      routes.push({
        prefix,
        signedId: nodeId,
        owner,
        masquerade: state === "offered" ? offer?.masquerade ?? masquerade : masquerade,
        state,
        isDown: owner !== undefined && down.has(`${prefix}@${owner.nodeId}`),
        decision,
        offerVersion: offer?.version ?? 0,
      });
    }
    for (const [key, { prefix, nodeId, masquerade, withdrawn, version }] of offers) {
      if (withdrawn || decided.has(key)) continue;
      routes.push({
        prefix,
        signedId: nodeId,
        owner: ownerOf(nodeId),
        masquerade,
        state: "offered",
        isDown: down.has(key),
        offerVersion: version,
      });
    }
    return routes.sort((a, b) =>
      compare(sortKey(a.prefix), sortKey(b.prefix)) ||
      (a.decision?.decidedAt ?? Infinity) - (b.decision?.decidedAt ?? Infinity) ||
      compare(a.signedId, b.signedId)
    );
  }

  #offers() {
    const { mesh: { replica: { entries } } } = this.#parts;
    const offers = new Map<
      string,
      NonNullable<ReturnType<typeof decodeOffer>> & { readonly nodeId: NodeId; readonly version: number }
    >();
    const counts = new Map<string, number>();
    for (const { origin, key, body, version } of entries.list(ROUTE_OFFER_KIND)) {
      const nodeId = parseNodeId(origin);
      if (!hasRoom(counts, origin, offers.size) || nodeId === undefined) continue;
      const offer = decodeOffer(key, body);
      if (offer === undefined || this.problem(offer.prefix) !== undefined) continue;
      offers.set(`${offer.prefix}@${nodeId}`, { ...offer, nodeId, version });
    }
    return offers;
  }

  /** @returns `NETWORK@NODE` of all that members say are down, so many of each and in all as offers */
  #down(): ReadonlySet<string> {
    const down = new Set<string>();
    const counts = new Map<string, number>();
    for (const { origin, key } of this.#parts.mesh.replica.entries.list(ROUTE_DOWN_KIND)) {
      const prefix = parsePrefix(key);
      if (hasRoom(counts, origin, down.size) && prefix !== undefined) down.add(`${prefix}@${origin}`);
    }
    return down;
  }
}

/** Whether one more of a member's entries is looked at; it counts it. */
function hasRoom(counts: Map<string, number>, origin: string, total: number): boolean {
  const count = counts.get(origin) ?? 0;
  counts.set(origin, count + 1);
  return count < MAX_MEMBER_OFFERS && total < MAX_OFFERS;
}

function sortKey({ address, prefixBits }: Cidr): string {
  return `${address.family}${address.bytes.toHex()}${String(prefixBits).padStart(3, "0")}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
