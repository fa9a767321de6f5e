/**
 * Puts the report together from what the parts say of themselves.
 * @module
 */

import type { Clock } from "../base/mod.ts";
import type { PacketPlane } from "../dataplane/mod.ts";
import { SESSION_LIFE_MS } from "../health/mod.ts";
import { Cidr } from "../net/mod.ts";
import type { Member, MeshState } from "../mesh/mod.ts";
import type { PeerStatus } from "../wireguard/mod.ts";
import type { DhtDiscovery, LanDiscovery } from "./discovery/mod.ts";
import type { HealthWatch } from "./health/mod.ts";
import type { LeaderCoordinator } from "./leaders/mod.ts";
import type { MessagePlane } from "./links/mod.ts";
import type { DataplaneReport, DnsReport, LeaderReport, PeerReport, StatusReport } from "../api/mod.ts";
import type { ServiceHost } from "./services/mod.ts";
import { VERSION } from "./version.ts";

/** What the report is made of; the planes are there while the agent runs. */
export interface StatusSources {
  readonly mesh: MeshState;
  readonly clock: Clock;
  readonly state: StatusReport["state"];
  /** Milliseconds since the agent was made. */
  readonly uptimeMs: number;
  readonly listenPort: number;
  readonly dataplane: DataplaneReport;
  readonly dns: DnsReport | undefined;
  readonly plane: PacketPlane | undefined;
  readonly messages: MessagePlane | undefined;
  readonly health: HealthWatch | undefined;
  readonly discovery: LanDiscovery | undefined;
  readonly dht: DhtDiscovery | undefined;
  readonly leaders: LeaderCoordinator | undefined;
  readonly services: ServiceHost;
  readonly drops: Readonly<Record<string, number>>;
}

/** @returns the report at this moment */
export function buildStatus(sources: StatusSources): StatusReport {
  const { mesh, plane } = sources;
  const { record, network } = mesh;
  const sessions = new Map(plane?.peerStatuses().map((status) => [status.publicKey.toString(), status]));
  const members = mesh.roster.members();
  return {
    version: VERSION,
    state: sources.state,
    uptimeMs: Math.round(sources.uptimeMs),
    node: {
      id: record.nodeId,
      name: record.name,
      publicKey: record.publicKey.toString(),
      role: record.roles.includes("leader") ? "leader" : "member",
      addresses: record.addresses.map(String),
      listenPort: sources.listenPort,
      endpoints: (mesh.roster.get(record.nodeId)?.statement?.endpoints ?? []).map(String),
    },
    network: { id: network.id, cidr: mesh.cidr.toString(), members: members.length },
    leaders: leaderReports(sources),
    clockSkewMs: median(sources.messages?.clockSkewsMs() ?? []),
    dataplane: sources.dataplane,
    ...sources.dns === undefined ? {} : { dns: sources.dns },
    ...sources.discovery === undefined ? {} : {
      discovery: { providers: sources.discovery.providers, heard: sources.discovery.heard },
    },
    ...sources.dht === undefined ? {} : { dht: { contacts: sources.dht.contacts } },
    services: sources.services.report(),
    peers: members
      .filter((member) => member.record.nodeId !== record.nodeId)
      .map((member) => peerReport(member, sessions.get(member.record.publicKey.toString()), sources))
      .sort((a, b) => a.name < b.name ? -1 : 1),
    drops: happened(sources.drops),
    refused: happened(mesh.replica.refusals.snapshot()),
  };
}

/** @returns the leaders as this node sees them, the highest id first */
export function leaderReports(
  { mesh, leaders, clock }: Pick<StatusSources, "mesh" | "leaders" | "clock">,
): readonly LeaderReport[] {
  const now = clock.now();
  return (leaders?.views() ?? []).flatMap(({ nodeId, isAlive, isElected, lastHeardAt }) => {
    const record = mesh.roster.get(nodeId)?.record;
    if (record === undefined) return [];
    const self = nodeId === mesh.identity.id;
    return [{
      id: nodeId,
      name: record.name,
      addresses: record.addresses.map(String),
      alive: isAlive,
      elected: isElected,
      self,
      lastHeardMs: lastHeardAt === undefined ? null : Math.round(now - lastHeardAt),
      ...self && mesh.role === "leader" && { slices: mesh.leadership.slices.map(String) },
    }];
  });
}

function happened(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

function median(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? null;
}

function peerReport(
  { record, statement }: Member,
  session: PeerStatus | undefined,
  { messages, health, clock }: StatusSources,
): PeerReport {
  const link = messages?.links.get(record.nodeId);
  const age = session?.lastHandshakeAt === undefined
    ? null
    : Math.max(0, clock.wall() - session.lastHandshakeAt);
  const figures = health?.figures(record.nodeId);
  // Before the first probe has ended, an open channel or a handshake is all that there is to say.
  const hasSession = age !== null && age < SESSION_LIFE_MS;
  const healthy = figures !== undefined && figures.lossPercent !== null
    ? figures.healthy
    : link !== undefined || hasSession;
  const endpoint = session?.endpoint ?? statement?.endpoints[0] ?? record.endpoint;
  const allowedIps = [...record.addresses.map((address) => Cidr.host(address)), ...record.allowedIps];
  return {
    ...record.verifyingKey === undefined ? {} : { id: record.nodeId },
    name: record.name,
    publicKey: record.publicKey.toString(),
    roles: record.roles,
    labels: record.labels,
    addresses: record.addresses.map(String),
    allowedIps: allowedIps.map(String),
    ...endpoint === undefined ? {} : { endpoint: endpoint.toString() },
    lastHandshakeAgeMs: age === null ? null : Math.round(age),
    rxBytes: session?.rxBytes ?? 0,
    txBytes: session?.txBytes ?? 0,
    channel: link !== undefined ? "open" : messages?.isDialling(record.nodeId) ? "dialing" : "closed",
    path: figures?.healthy ? figures.path : !healthy ? "none" : hasSession ? "direct" : "channel",
    rttMs: figures?.lastPingMs ?? link?.channel.lastRttMs ?? null,
    lossPercent: figures?.lossPercent ?? null,
    failureCount: figures?.failureCount ?? 0,
    healthy,
    score: figures?.score ?? 0,
  };
}
