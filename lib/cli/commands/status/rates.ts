/**
 * What goes through a node: bytes a second for each peer, and calls a second for each action, from two looks at it.
 * @module
 */

import type { CallStatsReport, StatusReport } from "../../../api/mod.ts";

/** By what rows are sorted. */
export const SORTS = ["rate", "in", "out", "total", "rtt", "name"] as const;

/** One of them. */
export type SortName = typeof SORTS[number];

/** A peer in the time between two looks. */
export interface PeerRate {
  readonly name: string;
  readonly healthy: boolean;
  /** Whole bytes a second; null before a second look. */
  readonly rxRate: number | null;
  readonly txRate: number | null;
  readonly rxBytes: number;
  readonly txBytes: number;
  /** In milliseconds, to the microsecond; null when it was not measured. */
  readonly rttMs: number | null;
  readonly path: string;
}

/** An action of a service in the time between two looks. */
export interface ActionRate {
  /** Both null for all the calls together that are not counted by action. */
  readonly service: string | null;
  readonly action: string | null;
  readonly side: CallStatsReport["side"];
  /** Calls a second, to three decimals: between the looks, or of the last 30 to 60 seconds before a second one. */
  readonly rate: number;
  /** Failures a second, likewise; null before a second look at an agent of a former release. */
  readonly errorRate: number | null;
  readonly calls: number;
  readonly errors: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** What `weft top` shows. */
export interface TopReport {
  /** When it was looked, in milliseconds since 1970. */
  readonly atMs: number;
  readonly node: string;
  readonly uptimeMs: number;
  /** Whole bytes a second of all peers together. */
  readonly rxRate: number | null;
  readonly txRate: number | null;
  readonly peers: readonly PeerRate[];
  readonly calls: StatusReport["services"]["calls"];
  /** Null from an agent of a former release, which does not count calls by action. */
  readonly actions: readonly ActionRate[] | null;
}

/** One look. */
export interface Look {
  readonly atMs: number;
  readonly status: StatusReport;
}

/** @param before undefined at the first look @returns all of it, the peers and actions sorted */
export function ratesOf(look: Look, before: Look | undefined, sort: SortName): TopReport {
  const { status, atMs } = look;
  // An agent that has started anew counts from zero.
  const former = before !== undefined && before.status.uptimeMs <= status.uptimeMs ? before : undefined;
  const seconds = former && (atMs - former.atMs) / 1_000;
  const rate = (now: number, then: number | undefined): number | null =>
    seconds === undefined || seconds <= 0 || then === undefined ? null : Math.max(0, (now - then) / seconds);
  const bytesRate = (now: number, then: number | undefined): number | null => {
    const exact = rate(now, then);
    return exact === null ? null : Math.round(exact);
  };
  const formerPeers = new Map(former?.status.peers.map((peer) => [peer.publicKey, peer]));
  const peers = status.peers.map((peer): PeerRate => {
    const then = formerPeers.get(peer.publicKey);
    const { name, healthy, rxBytes, txBytes, rttMs, path, way } = peer;
    return {
      name,
      healthy,
      rxBytes,
      txBytes,
      rttMs: rttMs === null ? null : toThousandths(rttMs),
      rxRate: bytesRate(rxBytes, then?.rxBytes),
      txRate: bytesRate(txBytes, then?.txBytes),
      path: way?.kind ?? path,
    };
  });
  const sum = (key: "rxRate" | "txRate"): number | null =>
    peers.some((peer) => peer[key] !== null)
      ? peers.reduce((total, peer) => total + (peer[key] ?? 0), 0)
      : null;
  const keyOf = ({ service, action, side }: CallStatsReport): string => `${side} ${service} ${action}`;
  const formerCalls = new Map(former?.status.services.callStats?.map((one) => [keyOf(one), one]));
  const actions = status.services.callStats?.map((stats): ActionRate => {
    const then = formerCalls.get(keyOf(stats));
    const errorRate = rate(stats.errors, then?.errors) ?? stats.errorRate;
    return {
      ...stats,
      ...stats.service === "" && stats.action === "" && { service: null, action: null },
      rate: toThousandths(rate(stats.calls, then?.calls) ?? stats.rate),
      errorRate: errorRate === undefined ? null : toThousandths(errorRate),
    };
  });
  return {
    atMs,
    node: status.node.name,
    uptimeMs: Math.round(status.uptimeMs),
    rxRate: sum("rxRate"),
    txRate: sum("txRate"),
    peers: peers.toSorted(peerOrder(sort)),
    calls: status.services.calls,
    actions: actions?.toSorted(actionOrder(sort)) ?? null,
  };
}

function toThousandths(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function peerOrder(sort: SortName): (a: PeerRate, b: PeerRate) => number {
  const byName = (a: PeerRate, b: PeerRate): number => a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
  const figure = (peer: PeerRate): number => {
    if (sort === "in") return peer.rxRate ?? peer.rxBytes;
    if (sort === "out") return peer.txRate ?? peer.txBytes;
    if (sort === "total") return peer.rxBytes + peer.txBytes;
    if (sort === "rtt") return peer.rttMs ?? -1;
    if (sort === "name") return 0;
    return peer.rxRate === null ? peer.rxBytes + peer.txBytes : peer.rxRate + (peer.txRate ?? 0);
  };
  return (a, b) => figure(b) - figure(a) || byName(a, b);
}

function actionOrder(sort: SortName): (a: ActionRate, b: ActionRate) => number {
  const path = (one: ActionRate): string => `${one.service ?? ""} ${one.action ?? ""} ${one.side}`;
  const byPath = (a: ActionRate, b: ActionRate): number => path(a) < path(b) ? -1 : path(a) > path(b) ? 1 : 0;
  const figure = (one: ActionRate): number => {
    if (sort === "name") return 0;
    if (sort === "rtt") return one.p99Ms ?? -1;
    return sort === "total" ? one.calls : one.rate;
  };
  return (a, b) => figure(b) - figure(a) || byPath(a, b);
}
