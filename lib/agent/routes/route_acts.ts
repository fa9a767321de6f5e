/**
 * What is done about routes: members offer and withdraw networks, leaders decide.
 * @module
 */

import type { Clock, StateStore } from "../../base/mod.ts";
import {
  type AuditKind,
  MAX_ENTRY_LIFETIME_MS,
  type MemberRecord,
  type MeshState,
  NO_UPDATE,
  type NodeId,
  type Signed,
} from "../../mesh/mod.ts";
import { Cidr } from "../../net/mod.ts";
import { InvalidRequestError } from "../errors.ts";
import {
  type KnownRoute,
  MAX_MEMBER_OFFERS,
  MAX_MEMBER_ROUTES,
  MAX_ROUTES,
  type RouteBook,
} from "./route_book.ts";
import {
  decisionKey,
  encodeDecision,
  encodeOffer,
  ROUTE_DOWN_KIND,
  ROUTE_KIND,
  ROUTE_OFFER_KIND,
  type RouteDecision,
  type RouteOffer,
} from "./route_entry.ts";

/** What this node offers, so that it says so again under other keys. */
const OFFERS = "route-offer";
/** How many entries are signed in one turn. */
const MAX_SIGNED_AT_ONCE = 64;

/** What is needed for it. */
export interface RouteActParts {
  readonly mesh: MeshState;
  readonly book: RouteBook;
  readonly store: StateStore;
  readonly clock: Pick<Clock, "wall">;
}

/** Writes entries, and tells everybody. */
export class RouteActs {
  readonly #parts: RouteActParts;

  constructor(parts: RouteActParts) {
    this.#parts = parts;
  }

  /** Offers a network as this member; harmless when it is offered so. @throws InvalidRequestError */
  offer(prefix: Cidr, masquerade: boolean): void {
    const { store } = this.#parts;
    const known = store.entries(OFFERS);
    const key = `${prefix}`;
    const isNew = !known.some(([other]) => other === key);
    if (isNew && known.length >= MAX_MEMBER_OFFERS) {
      throw new InvalidRequestError(
        `Cannot offer ${prefix}: this node offers ${MAX_MEMBER_OFFERS} networks already`,
        {
          hint: "`weft route remove` takes one back.",
        },
      );
    }
    this.#write(prefix, { masquerade, withdrawn: false });
    store.put(OFFERS, key, new Uint8Array([masquerade ? 1 : 0]));
  }

  /** Offers a network no longer, and leads there no more, whoever has approved it. */
  withdraw(prefix: Cidr): void {
    this.#parts.store.delete(OFFERS, `${prefix}`);
    this.#write(prefix, { masquerade: false, withdrawn: true });
  }

  /**
   * Says whether this node has no way itself to a network that it leads to; harmless when it has said so.
   * @throws RangeError when it says too much else already, or is no member any more
   */
  setDown(prefix: Cidr, isDown: boolean): void {
    const { mesh: { identity, replica }, book } = this.#parts;
    const signed = replica.entries.write(identity.id, identity.signingKey, {
      kind: ROUTE_DOWN_KIND,
      key: `${prefix}`,
      body: isDown ? new Uint8Array(0) : undefined,
    });
    if (signed === undefined) return;
    book.forget();
    this.#publish([signed]);
  }

  /**
   * Decides on a network and a member, as a leader.
   * @throws InvalidRequestError when there are too many, or nobody can be led there
   */
  decide(
    prefix: Cidr,
    owner: MemberRecord,
    { masquerade, rejected }: Pick<RouteDecision, "masquerade" | "rejected">,
  ): void {
    const { mesh, book, clock } = this.#parts;
    const problem = book.problem(prefix);
    if (problem !== undefined) throw new InvalidRequestError(`Cannot lead to ${prefix}: ${problem}`);
    const known = find(book, prefix, owner.nodeId);
    if (known?.decision === undefined) this.#requireRoom(prefix, owner);
    const decision = {
      masquerade,
      rejected,
      offerVersion: known?.offerVersion ?? 0,
      decidedBy: mesh.identity.id,
      decidedAt: clock.wall(),
    };
    const { audit } = mesh.leadership;
    audit?.append({
      kind: rejected ? "route-rejected" : "route-approved",
      node: { id: owner.nodeId, name: owner.name },
      detail: { route: `${prefix}` },
    });
    this.#publish([
      ...known?.decision !== undefined && known.signedId !== owner.nodeId ? [this.#erase(known)] : [],
      this.#sign(prefix, owner.nodeId, decision),
    ]);
  }

  /** Takes back what was decided, as a leader; what the member offers still is shown as an offer then. */
  remove(route: KnownRoute): void {
    const { owner, prefix } = route;
    if (route.offerVersion > 0 && owner !== undefined && route.state !== "withdrawn") {
      // It goes on offering it: without a decision it would be asked for again at once.
      return this.decide(prefix, owner, { masquerade: route.masquerade, rejected: true });
    }
    this.#note("route-removed", route);
    this.#publish([this.#erase(route)]);
  }

  /** What time alone brings about: entries are signed anew before they lapse, and for members that have other keys. */
  lookAfter(isElected: boolean): void {
    this.#renewOffers();
    if (!isElected) return;
    const { mesh: { roster }, book } = this.#parts;
    const changed: (Signed | undefined)[] = [];
    for (const route of book.routes) {
      const { decision, owner, prefix, signedId } = route;
      if (decision === undefined || changed.length >= MAX_SIGNED_AT_ONCE) continue;
      if (
        route.state === "withdrawn" || (owner === undefined && roster.recordById(signedId)?.revoked === true)
      ) {
        this.#note("route-removed", route);
        changed.push(this.#erase(route));
      } else if (owner !== undefined) {
        // Unless it is about to lapse, that writes nothing.
        const signed = this.#sign(prefix, owner.nodeId, decision);
        if (signed !== undefined) changed.push(signed);
        if (owner.nodeId !== signedId) changed.push(this.#erase(route));
      }
    }
    this.#publish(changed);
  }

  #renewOffers(): void {
    const { mesh, store } = this.#parts;
    // Others reject the entries of a node that was removed.
    if (mesh.roster.isRevoked(mesh.identity.publicKey)) return;
    for (const [text, [masquerade]] of store.entries(OFFERS)) {
      const prefix = Cidr.parse(text);
      if (prefix !== undefined) this.#write(prefix, { masquerade: masquerade === 1, withdrawn: false });
    }
  }

  #requireRoom(prefix: Cidr, { nodeId, name }: MemberRecord): void {
    const decided = this.#parts.book.routes.filter(({ decision }) => decision !== undefined);
    const own = decided.filter(({ owner }) => owner?.nodeId === nodeId);
    const problem = decided.length >= MAX_ROUTES
      ? `there are ${MAX_ROUTES} routes already`
      : own.length >= MAX_MEMBER_ROUTES
      ? `${name} has ${MAX_MEMBER_ROUTES} routes already`
      : undefined;
    if (problem === undefined) return;
    throw new InvalidRequestError(`Cannot decide on ${prefix}: ${problem}`, {
      hint: "`weft route list` shows all; `weft route remove` takes one back.",
    });
  }

  #note(kind: AuditKind, { prefix, owner }: KnownRoute): void {
    this.#parts.mesh.leadership.audit?.append({
      kind,
      ...owner && { node: { id: owner.nodeId, name: owner.name } },
      detail: { route: `${prefix}` },
    });
  }

  #write(prefix: Cidr, offer: RouteOffer): void {
    const { mesh: { identity, replica }, book } = this.#parts;
    let signed: Signed | undefined;
    try {
      signed = replica.entries.write(identity.id, identity.signingKey, {
        kind: ROUTE_OFFER_KIND,
        key: `${prefix}`,
        body: encodeOffer(offer),
      });
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new InvalidRequestError(`Cannot offer ${prefix}: this node says too much else already`, {
        cause,
      });
    }
    book.forget();
    this.#publish([signed]);
  }

  #sign(prefix: Cidr, nodeId: NodeId, decision: RouteDecision): Signed | undefined {
    return this.#entry(decisionKey(prefix, nodeId), encodeDecision(decision));
  }

  #erase({ prefix, signedId }: KnownRoute): Signed | undefined {
    return this.#entry(decisionKey(prefix, signedId), undefined);
  }

  #entry(key: string, body: Uint8Array | undefined): Signed | undefined {
    const { mesh: { network: { signingKey }, replica: { entries } }, book } = this.#parts;
    if (signingKey === undefined) return undefined;
    const signed = entries.write(entries.networkOrigin(ROUTE_KIND, key), signingKey, {
      kind: ROUTE_KIND,
      key,
      body,
      lifetimeMs: MAX_ENTRY_LIFETIME_MS,
    });
    book.forget();
    return signed;
  }

  #publish(signed: readonly (Signed | undefined)[]): void {
    const entries = signed.filter((each) => each !== undefined);
    if (entries.length > 0) this.#parts.mesh.replica.publish({ ...NO_UPDATE, entries });
  }
}

function find(book: RouteBook, prefix: Cidr, nodeId: NodeId): KnownRoute | undefined {
  return book.routes.find((route) => route.prefix.equals(prefix) && route.owner?.nodeId === nodeId);
}
