/**
 * What a node can tell of the ways that packets take, and of why they are no better.
 * @module
 */

import type { PathProblem, PathReport, ReachReport, RelayProblem } from "../../api/mod.ts";
import type { Clock, Millis } from "../../base/mod.ts";
import type { Member, NodeId, Roster } from "../../mesh/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import type { MemberPaths, Path } from "../../path/mod.ts";
import type { Link } from "../links/mod.ts";
import type { OwnCandidates } from "./own_candidates.ts";
import { innerMtuBytes } from "./path_mtu.ts";

/** A search has asked everywhere more than once by then, and what could answer has. */
const SEARCH_MS = 6_000;

/** What a relay has given this node for one member. */
export interface OfferedLeg {
  readonly via: NodeId;
  readonly isBound: boolean;
}

/** What the paths of a node can be asked. */
export interface KnownPaths {
  readonly own: Pick<OwnCandidates, "seen" | "variesByDestination">;
  /** @returns the paths to a member; undefined for one that has no packet plane, or is none */
  of(nodeId: NodeId): Pick<MemberPaths, "all" | "chosen" | "at"> | undefined;
}

/** Where the facts are. */
export interface PathReporterParts {
  readonly clock: Pick<Clock, "now">;
  readonly roster: Pick<Roster, "get">;
  readonly links: { all(): Iterable<Link>; get(nodeId: NodeId): Link | undefined };
  /** Absent without a packet plane. */
  readonly paths: KnownPaths | undefined;
  /** @returns what relays have given this node for a member */
  readonly legs: (nodeId: NodeId) => readonly OfferedLeg[];
  /** @returns whether packets through the tunnel of a member are answered */
  readonly isTunnelUp: (nodeId: NodeId) => boolean;
  /** The longest packet through this node's interface. */
  readonly interfaceMtuBytes: number;
}

/** Says what is known at a moment. */
export class PathReporter {
  readonly #parts: PathReporterParts;
  readonly #now: Millis;
  #udp: ReachReport["udp"] | undefined;

  constructor(parts: PathReporterParts) {
    this.#parts = parts;
    this.#now = parts.clock.now();
  }

  /** @returns how others see this node; undefined without a packet plane */
  reach(): ReachReport | undefined {
    const { paths } = this.#parts;
    if (paths === undefined) return undefined;
    const varies = paths.own.variesByDestination;
    return {
      udp: this.#udpState(),
      mapping: varies === undefined ? "unknown" : varies ? "varies" : "same",
      seenAt: paths.own.seen().map(String),
    };
  }

  /**
   * @param session what the packet plane says: where it sends to the member, and whether it has shaken hands lately
   * @returns the way to a member; undefined for plain devices, of which only their handshakes are known
   */
  report(
    { record, statement }: Member,
    { endpoint, hasSession }: { readonly endpoint: Endpoint | undefined; readonly hasSession: boolean },
  ): PathReport | undefined {
    if (record.verifyingKey === undefined) return undefined;
    const { links, isTunnelUp } = this.#parts;
    const { nodeId, name } = record;
    const paths = this.#parts.paths?.of(nodeId);
    const chosen = paths?.chosen?.isUp(this.#now) ? paths.chosen : undefined;
    const up = paths?.all.filter((path) => path.isUp(this.#now)) ?? [];
    const standbyCount = up.filter((path) => path !== chosen).length;
    if (chosen?.kind === "direct") return { ...this.#chosenReport(chosen), standbyCount };
    const isRootless = statement?.isRootless ?? false;
    const { problem, text } = this.#problem(name, paths, isRootless);
    if (chosen !== undefined) {
      return { ...this.#chosenReport(chosen), standbyCount, problem, why: text };
    }
    // Former releases answer no probes, and who is idle is asked none, but what the tunnel brings does arrive.
    const isLost = paths?.all.some(({ rttMs, misses }) => rttMs !== undefined && misses > 0) ?? false;
    if (paths !== undefined && !isLost && (hasSession || isTunnelUp(nodeId))) {
      const path = endpoint && paths.at(endpoint);
      const known = path?.rttMs === undefined ? undefined : this.#chosenReport(path);
      if (path !== undefined && path.kind !== "direct") {
        return { ...this.#chosenReport(path), standbyCount, problem, why: text };
      }
      const at = endpoint && { endpoint: endpoint.toString() };
      return { kind: "direct", ...at, rttMs: null, ...known, standbyCount };
    }
    const link = links.get(nodeId);
    const kind = link === undefined ? "none" : "channel";
    const via = link?.way.kind === "relay" ? { via: this.#nameOf(link.way.via) } : {};
    const relayed = { kind, ...via, rttMs: null, standbyCount, problem } as const;
    if (problem === "rootless-here" || problem === "rootless-there" || problem === "unused") {
      return { ...relayed, why: text };
    }
    const { relayProblem, text: relayText } = this.#relayProblem(nodeId);
    return { ...relayed, relayProblem, why: `${text}; ${relayText}` };
  }

  #chosenReport(path: Path): Omit<PathReport, "standbyCount"> {
    const { kind, via, rttMs = null, mtu } = path;
    return {
      kind,
      ...via !== undefined && { via: this.#nameOf(via) },
      // Of a stream it is a port of this host, which tells nobody anything.
      ...kind !== "carrier" && { endpoint: path.endpoint.toString() },
      rttMs,
      mtuBytes: innerMtuBytes(mtu.payloadBytes, this.#parts.interfaceMtuBytes),
    };
  }

  #problem(
    name: string,
    paths: Pick<MemberPaths, "all"> | undefined,
    isRootless: boolean,
  ): { readonly problem: PathProblem; readonly text: string } {
    if (this.#parts.paths === undefined) {
      return { problem: "rootless-here", text: "this node has no packet plane (--rootless)" };
    }
    if (isRootless || paths === undefined) {
      return { problem: "rootless-there", text: `${name} has no packet plane (--rootless)` };
    }
    const direct = paths.all.filter(({ kind }) => kind === "direct");
    if (direct.length === 0) {
      return {
        problem: "no-endpoint",
        text: `${name} states no endpoint that can be reached from here, and nobody has seen it at one`,
      };
    }
    const asked = direct.filter(({ askedSince }) => askedSince !== undefined);
    if (asked.length === 0) {
      return { problem: "unused", text: `nothing is being sent to ${name}, so no path is looked for` };
    }
    const sinceMs = this.#now - Math.min(...asked.map(({ askedSince }) => askedSince ?? this.#now));
    if (sinceMs < SEARCH_MS) {
      return { problem: "searching", text: `a direct path to ${name} is being looked for` };
    }
    if (this.#udpState() === "silent") {
      return {
        problem: "udp-silent",
        text: "UDP seems to be blocked: members answer over TCP, and none of them answers a datagram",
      };
    }
    const where = asked.length === 1 ? "its one endpoint" : `any of its ${asked.length} endpoints`;
    const silence = `${name} has not answered at ${where} for ${Math.round(sinceMs / 1000)} s`;
    if (this.#parts.paths.own.variesByDestination) {
      return {
        problem: "nat-varies",
        text: `this node's NAT uses another port for each destination, and ${silence}`,
      };
    }
    return { problem: "unanswered", text: `${silence}: a NAT or a firewall is between` };
  }

  #relayProblem(nodeId: NodeId): { readonly relayProblem: RelayProblem; readonly text: string } {
    const legs = this.#parts.legs(nodeId);
    const [leg] = legs;
    if (leg !== undefined) {
      const isBound = legs.some((one) => one.isBound);
      const by = [...new Set(legs.map(({ via }) => this.#nameOf(via)))].join(" and ");
      return {
        relayProblem: "relay-silent",
        text: isBound ? `nothing has come back through the relay ${by}` : `the relay ${by} does not answer`,
      };
    }
    const others = [...this.#parts.links.all()].some((link) => link.nodeId !== nodeId);
    if (!others) {
      return { relayProblem: "no-link", text: "no other member has a link here that could relay" };
    }
    return { relayProblem: "no-relay", text: "no member with links to both has offered to relay" };
  }

  /** Members with a link are there, and answer: if none of them answers a datagram, datagrams don't pass. */
  #udpState(): ReachReport["udp"] {
    return this.#udp ??= this.#lookAtUdp();
  }

  #lookAtUdp(): ReachReport["udp"] {
    let isAsked = false;
    for (const { nodeId } of this.#parts.links.all()) {
      const known = this.#parts.paths?.of(nodeId);
      if (known === undefined) continue;
      const overUdp = known.all.filter(({ kind }) => kind !== "carrier");
      if (overUdp.some((path) => path.isUp(this.#now))) return "works";
      if (known.chosen?.kind !== "carrier" && this.#parts.isTunnelUp(nodeId)) return "works";
      isAsked ||= overUdp.some(({ askedSince = this.#now }) => this.#now - askedSince >= SEARCH_MS);
    }
    return isAsked ? "silent" : "unknown";
  }

  #nameOf(nodeId: string): string {
    return this.#parts.roster.get(nodeId as NodeId)?.record.name ?? nodeId;
  }
}
