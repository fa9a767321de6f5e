/**
 * What the entries of the live document are, for those who read them: a key, and a value of JSON.
 *
 *     node                       LiveNode
 *     counters                   LiveCounters
 *     peer:PUBLIC-KEY            LivePeer
 *     traffic:PUBLIC-KEY         LiveTraffic
 *     links:NODE-ID              MemberLinks
 *     service:PATH               LiveService
 *     collection:NAME            CollectionReport
 *     queue:NAME                 QueueReport
 *     network:NAME               NetworkReport
 *     name:NAME TYPE DATA        DnsRecordReport
 *     token:ID                   LiveToken
 *     policy                     LivePolicy
 *     rule:NAME                  PolicyRuleCounters
 *     denials                    Denial[], the last one first
 *     event:NUMBER               TimelineEvent
 *
 * @module
 */

import type {
  CollectionReport,
  DnsRecordReport,
  LeaderReport,
  MemberLinks,
  NetworkReport,
  PeerReport,
  PolicyLogLine,
  PolicyRuleCounters,
  PolicyStatus,
  QueueReport,
  ServicesReport,
  StatusReport,
  TimelineEvent,
  TokenReport,
} from "../../api/mod.ts";
import type { ServiceReport } from "../../service/mod.ts";

/** The node itself: of its status what seldom changes. */
export interface LiveNode extends
  Omit<
    StatusReport,
    | "uptimeMs"
    | "leaders"
    | "services"
    | "networks"
    | "peers"
    | "drops"
    | "refused"
    | "dns"
    | "clockSkewMs"
    | "relay"
  > {
  /** When it started, in milliseconds since 1970. */
  readonly startedAt: number;
  readonly leaders: readonly Omit<LeaderReport, "lastHeardMs">[];
  readonly dns?: Omit<NonNullable<StatusReport["dns"]>, "counters">;
  /** Whether it carries packets for others. */
  readonly relays: boolean;
}

/** The node's own counters. */
export interface LiveCounters extends Pick<StatusReport, "drops" | "refused" | "relay" | "clockSkewMs"> {
  readonly services: ServicesReport;
  readonly dns?: NonNullable<StatusReport["dns"]>["counters"];
}

/** A peer: of its report what seldom changes. */
export interface LivePeer extends
  Omit<
    PeerReport,
    "lastHandshakeAgeMs" | "rxBytes" | "txBytes" | "rttMs" | "lossPercent" | "score" | "lastSeenMs" | "way"
  > {
  readonly way?: Omit<NonNullable<PeerReport["way"]>, "rttMs">;
  /** Absent while it answers. */
  readonly lastSeenMs?: number;
}

/**
 * The numbers of a peer: bytes received, bytes sent, round trip in milliseconds, when hands were last shaken in milliseconds
 * since 1970, loss in percent, score.
 */
export type LiveTraffic = readonly [
  rxBytes: number,
  txBytes: number,
  rttMs: number | null,
  lastHandshakeAt: number | null,
  lossPercent: number | null,
  score: number,
];

/** A service, without the round trips of its providers. */
export interface LiveService extends Omit<ServiceReport, "providers"> {
  readonly providers: readonly Omit<ServiceReport["providers"][number], "rttMs">[];
}

/** A token by use. */
export type LiveToken = Pick<
  TokenReport,
  "id" | "createdAt" | "expiresAt" | "usesLeft" | "used" | "labels" | "state"
>;

/** What is in force. */
export interface LivePolicy
  extends Pick<PolicyStatus, "enforced" | "trial" | "warnings" | "failures" | "stale"> {
  /** The names of members that enforce another one, the first 20. */
  readonly staleMembers: readonly string[];
  /** Denials of this node since it started. */
  readonly denied: number;
  /** Flows that are remembered. */
  readonly flows: number;
}

/** Every entry by the first part of its key. */
export interface LiveEntries {
  readonly node: LiveNode;
  readonly counters: LiveCounters;
  readonly peer: LivePeer;
  readonly traffic: LiveTraffic;
  readonly links: MemberLinks;
  readonly service: LiveService;
  readonly collection: CollectionReport;
  readonly queue: QueueReport;
  readonly network: NetworkReport;
  readonly name: DnsRecordReport;
  readonly token: LiveToken;
  readonly policy: LivePolicy;
  readonly rule: PolicyRuleCounters;
  readonly denials: readonly PolicyLogLine[];
  readonly event: TimelineEvent;
}

/** The data of an event `snapshot`: all that there is. */
export interface LiveSnapshot {
  /** The agent's clock, in milliseconds since 1970. */
  readonly at: number;
  readonly entries: Readonly<Record<string, unknown>>;
}

/** The data of an event `change`: what is different. */
export interface LiveChange {
  readonly at: number;
  readonly set: Readonly<Record<string, unknown>>;
  readonly gone: readonly string[];
}
