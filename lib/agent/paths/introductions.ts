/**
 * Members that have no path for packets are introduced to each other by one that has links to both. Each hears where the
 * other may be, tries at the same moment, and has a port of a relay meanwhile.
 *
 * ```
 *   A ── PathCall: B, A's endpoints ──▶ R
 *                                       R ── Introduction: A, its endpoints, a leg ──▶ B
 *   A ◀── Introduction: B, as R sees it, a leg ── R
 *                                       R ◀── PathCall: A, B's endpoints (an answer) ── B
 *   A ◀── Introduction: B, its endpoints ── R
 * ```
 *
 * @module
 */

import { KeyedRateLimiter, type Millis } from "../../base/mod.ts";
import {
  type Introduction,
  MAX_INTRODUCED_ENDPOINTS,
  type NodeId,
  type PathCall,
  type RelayLeg,
} from "../../mesh/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import type { RelayLeg as OpenedLeg, RelayRefusal } from "../../relay/mod.ts";
import type { RelayLegs } from "../relay/mod.ts";
import type { Link, MessagePlane, PathMessage } from "../links/mod.ts";
import type { PathContext, PathHelper, PathWatch } from "./path_watch.ts";

/** So many members are asked for one introduction. */
const MAX_INTRODUCERS = 3;
/** How often this node asks for one member: at once, and again after a moment. */
const OWN_CALLS = { burst: 4, everyMs: 1_000, maxSources: 4_096 };
/** What a member may have this node do: for all that it calls, and for each of them. */
const CALLER_CALLS = { burst: 128, everyMs: 125, maxSources: 4_096 };
const PAIR_CALLS = { burst: 6, everyMs: 2_000, maxSources: 16_384 };
/** What one member is told by this node, whoever calls it. */
const TARGET_CALLS = { burst: 256, everyMs: 30, maxSources: 4_096 };
/** What one member may tell this node: of one member, and of all. */
const PAIR_INTRODUCTIONS = { burst: 8, everyMs: 2_000, maxSources: 16_384 };
const INTRODUCTIONS = { burst: 256, everyMs: 60, maxSources: 4_096 };

/** Introductions to whom this node hears of in a moment: so many, and for so long. */
const MAX_EARLY = 64;
const EARLY_MS = 5_000;

/** Opens sessions for others, where this node relays. */
export interface RelayServer {
  /** @returns a leg for each of two members, or why there is none */
  open(a: NodeId, b: NodeId): RelayLegs | RelayRefusal;
}

/** Uses the legs that others open. */
export interface LegTaker {
  /** A relay has a leg to a member. */
  take(via: NodeId, member: NodeId, leg: RelayLeg): void;
}

/** The open links. */
interface LinkSet {
  get(nodeId: NodeId): unknown;
  all(): readonly Pick<Link, "nodeId">[];
}

/** Whom introductions go through. */
export interface IntroductionsParts extends PathContext {
  readonly messages: Pick<MessagePlane, "send"> & { readonly links: LinkSet };
  readonly paths: PathWatch;
  /** The elected leader knows the most members. */
  readonly elected: () => NodeId | undefined;
  readonly relay: RelayServer | undefined;
  readonly legs: LegTaker | undefined;
}

/** Asks for introductions, makes them, and follows them. */
export class Introductions implements PathHelper {
  readonly #parts: IntroductionsParts;
  readonly #ownCalls = new KeyedRateLimiter(OWN_CALLS);
  readonly #callerCalls = new KeyedRateLimiter(CALLER_CALLS);
  readonly #pairCalls = new KeyedRateLimiter(PAIR_CALLS);
  readonly #targetCalls = new KeyedRateLimiter(TARGET_CALLS);
  readonly #pairIntroductions = new KeyedRateLimiter(PAIR_INTRODUCTIONS);
  readonly #introductions = new KeyedRateLimiter(INTRODUCTIONS);
  readonly #early = new Map<NodeId, { readonly at: Millis; readonly meet: () => void }>();

  constructor(parts: IntroductionsParts) {
    this.#parts = parts;
  }

  /** Asks members that may know the other one. */
  handleUnreached(nodeId: NodeId): void {
    const { clock, paths } = this.#parts;
    if (!this.#ownCalls.allows(clock.now(), nodeId)) return;
    const call: PathCall = { target: nodeId, candidates: paths.own.all(), wantsRelay: true, isAnswer: false };
    for (const introducer of this.#introducers(nodeId)) this.#send(introducer, { kind: "path-call", call });
  }

  /** A member wants to be introduced, or this node is introduced to one. */
  handleMessage(from: NodeId, message: PathMessage): void {
    if (message.kind === "path-call") this.#introduce(from, message.call);
    else this.#meet(from, message.introduction);
  }

  /** Uses what came too early. */
  handleMember(nodeId: NodeId): void {
    const early = this.#early.get(nodeId);
    this.#early.delete(nodeId);
    if (early !== undefined && this.#parts.clock.now() - early.at < EARLY_MS) early.meet();
  }

  /** Who has a link here, leaders first: they have links to most. */
  #introducers(target: NodeId): NodeId[] {
    const { messages, mesh: { roster }, elected } = this.#parts;
    const leader = elected();
    const rank = (nodeId: NodeId): number => {
      if (nodeId === leader) return 0;
      return roster.get(nodeId)?.record.roles.includes("leader") ? 1 : 2;
    };
    return messages.links.all().map(({ nodeId }) => nodeId)
      .filter((nodeId) => nodeId !== target)
      .toSorted((a, b) => rank(a) - rank(b))
      .slice(0, MAX_INTRODUCERS);
  }

  #introduce(caller: NodeId, { target, candidates, wantsRelay, isAnswer }: PathCall): void {
    const { messages, clock, relay, mesh: { roster, identity } } = this.#parts;
    const now = clock.now();
    if (target === identity.id || target === caller) return;
    // Both are members, or there were no links; what one may not have, the other one's end decides.
    if (roster.get(target) === undefined || messages.links.get(target) === undefined) return;
    if (!this.#pairCalls.allows(now, `${caller} ${target}`)) return;
    if (!this.#callerCalls.allows(now, caller) || !this.#targetCalls.allows(now, target)) return;
    const opened = wantsRelay && !isAnswer ? relay?.open(caller, target) : undefined;
    const legs = typeof opened === "string" ? undefined : opened;
    const toTarget: Introduction = {
      member: caller,
      candidates: withSeen(this.#seenAt(caller), candidates),
      ...legs && { leg: legMessage(legs.b) },
      isAnswer,
    };
    this.#send(target, { kind: "introduction", introduction: toTarget });
    if (isAnswer) return;
    const toCaller: Introduction = {
      member: target,
      candidates: withSeen(this.#seenAt(target), []),
      ...legs && { leg: legMessage(legs.a) },
      isAnswer: true,
    };
    this.#send(caller, { kind: "introduction", introduction: toCaller });
  }

  #meet(via: NodeId, introduction: Introduction): void {
    const { mesh: { roster, identity }, clock } = this.#parts;
    const { member } = introduction;
    if (member === identity.id || member === via) return;
    const now = clock.now();
    if (!this.#pairIntroductions.allows(now, `${via} ${member}`)) return;
    if (!this.#introductions.allows(now, via)) return;
    if (roster.get(member) !== undefined) return this.#try(via, introduction);
    // Both have just come, and the record of one is still on its way to the other.
    this.#early.delete(member);
    this.#early.set(member, { at: now, meet: () => this.#try(via, introduction) });
    const [oldest] = this.#early.keys();
    if (this.#early.size > MAX_EARLY && oldest !== undefined) this.#early.delete(oldest);
  }

  #try(via: NodeId, { member, candidates, leg, isAnswer }: Introduction): void {
    const { paths, endpoints, legs } = this.#parts;
    const usable = endpoints.worthATry(candidates);
    if (usable.length > 0) {
      paths.addHearsay(member, via, usable.map((endpoint) => ({ endpoint, kind: "direct" })));
    }
    if (leg !== undefined && this.#mayRelay(via)) legs?.take(via, member, leg);
    paths.want(member);
    if (isAnswer) return;
    const call: PathCall = { target: member, candidates: paths.own.all(), wantsRelay: false, isAnswer: true };
    this.#send(via, { kind: "path-call", call });
  }

  /** Who does not say that it relays is not asked to, and gets no packets by offering it. */
  #mayRelay(nodeId: NodeId): boolean {
    const member = this.#parts.mesh.roster.get(nodeId);
    return member?.statement?.relays ?? member?.record.roles.includes("leader") ?? false;
  }

  /** Where this node's own packets find a member. */
  #seenAt(nodeId: NodeId): Endpoint | undefined {
    const { paths, clock } = this.#parts;
    const chosen = paths.prober.paths(nodeId)?.chosen;
    return chosen?.kind === "direct" && chosen.isUp(clock.now()) ? chosen.endpoint : undefined;
  }

  #send(nodeId: NodeId, message: PathMessage): void {
    const { messages, log } = this.#parts;
    messages.send(nodeId, message).catch((error) => log.debug("cannot introduce", { to: nodeId, error }));
  }
}

function legMessage({ port, id, secret }: OpenedLeg): RelayLeg {
  return { port, id, secret: secret.exposeBytes() };
}

function withSeen(seen: Endpoint | undefined, stated: readonly Endpoint[]): Endpoint[] {
  const others = stated.filter((endpoint) => !seen?.equals(endpoint));
  // What is near for the one who sees it may be an address of nobody's for others.
  return [...seen === undefined ? [] : [seen], ...others].slice(0, MAX_INTRODUCED_ENDPOINTS);
}
