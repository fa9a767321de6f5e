/**
 * Makes the report of a node from the reports of its parts.
 * @module
 */

import project from "../../deno.json" with { type: "json" };
import { SESSION_LIFE_MS } from "../health/mod.ts";
import { Cidr, type Endpoint } from "../net/mod.ts";
import { conflictText, type Member, type MemberRecord, type NodeStatement, RESTATE_MS } from "../mesh/mod.ts";
import type { PeerStatus } from "../wireguard/mod.ts";
import type { AgentContext } from "./agent_context.ts";
import type { MemberSession } from "./member_session.ts";
import type { NameService } from "./names/mod.ts";
import type { Networks } from "./networks/mod.ts";
import type { OverlayInterface } from "./overlay/mod.ts";
import type { PathReporter } from "./paths/mod.ts";
import type { LeaderReport, PathReport, PeerReport, StatusReport, WarningReport } from "../api/mod.ts";
import type { RelayHost } from "./relay/mod.ts";
import { hubOf } from "./plain_devices.ts";
import { gatewayReport } from "./reach/mod.ts";
import type { ServiceHost } from "./services/mod.ts";

/** The version of weft, as in `deno.json`. */
export const VERSION: string = project.version;

/** After so long a member that nobody misses is away: it says every day where it is. */
const UNHEARD_MS = RESTATE_MS + 2 * 3_600_000;

/** What the report is made of; session, overlay and names are there while the agent runs. */
export interface StatusSources {
  readonly context: AgentContext;
  readonly state: StatusReport["state"];
  /** Milliseconds since the agent was made. */
  readonly uptimeMs: number;
  readonly overlay: OverlayInterface | undefined;
  readonly names: NameService | undefined;
  readonly session: MemberSession | undefined;
  readonly services: ServiceHost;
  readonly networks: Networks;
  readonly relay: RelayHost;
  readonly warnings: readonly WarningReport[];
  readonly channelDrops: Readonly<Record<string, number>>;
  /** Of frames on channels, and of a node without a packet plane. */
  readonly frameDrops: Readonly<Record<string, number>>;
}

/** @returns the report at this moment */
export function buildStatus(sources: StatusSources): StatusReport {
  const { context: { mesh, options }, overlay, session } = sources;
  const plane = overlay?.plane;
  const { record, network } = mesh;
  const sessions = new Map(plane?.peerStatuses().map((status) => [status.publicKey.toString(), status]));
  const members = mesh.roster.members();
  const own = mesh.roster.get(record.nodeId)?.statement;
  const ways = session?.pathReporter();
  const reach = ways?.reach();
  const relay = sources.relay.report();
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
      labels: record.labels,
      statedLabels: own?.labels ?? {},
      ...record.unconfirmedLabels && { unconfirmedLabels: record.unconfirmedLabels },
      listenPort: options.port,
      endpoints: statedEndpoints(own).map(String),
    },
    network: { id: network.id, cidr: mesh.cidr.toString(), members: members.length },
    leaders: leaderReports(sources),
    ...sources.warnings.length > 0 && { warnings: sources.warnings },
    ...session && { leadership: session.leadership() },
    clockSkewMs: median([...session?.messages.clockSkews().values() ?? []]),
    ...reach && { reach },
    dataplane: overlay?.report ?? { kind: options.rootless ? "rootless" : "portable" },
    ...sources.names && { dns: sources.names.report() },
    ...session?.lan && { discovery: { providers: session.lan.providers, heard: session.lan.discovery.size } },
    ...session?.dht && { dht: { contacts: session.dht.contacts } },
    ...relay && { relay },
    ...session?.portMapping?.gateways.length && {
      portMapping: session.portMapping.gateways.map(gatewayReport),
    },
    services: sources.services.report(),
    networks: sources.networks.reports(true),
    peers: members
      .filter((member) => member.record.nodeId !== record.nodeId)
      .map((member) => {
        const tunnel = sessions.get(member.record.publicKey.toString());
        const report = peerReport(member, tunnel, sources, ways);
        return member.record.hub === undefined ? report : throughHub(member.record, report, sources, ways);
      })
      .sort((a, b) => a.name < b.name ? -1 : 1),
    drops: happened({
      ...sources.channelDrops,
      ...sources.frameDrops,
      ...plane?.drops(),
      ...overlay?.echo?.drops(),
      ...session?.health.drops(),
      ...session?.paths?.prober.drops.snapshot(),
      ...session?.lan?.discovery.drops(),
      ...session?.dht?.drops(),
      ...session?.portMapping?.drops(),
      ...session?.stun?.drops(),
    }),
    refused: happened(mesh.replica.refusals.snapshot()),
  };
}

/** The highest id first. */
function leaderReports({ context: { mesh, clock }, session }: StatusSources): readonly LeaderReport[] {
  const now = clock.now();
  return (session?.leaders.views() ?? []).flatMap(({ nodeId, isAlive, isElected, lastHeardAt }) => {
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

/** Where a node says that it is: one without a packet plane has a channel alone. */
function statedEndpoints(statement: NodeStatement | undefined): readonly Endpoint[] {
  return (statement?.isRootless ? statement.channelEndpoints : statement?.endpoints) ?? [];
}

function median(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? null;
}

/** A device that has one node as its only peer is as well as that node, as far as others can see. */
function throughHub(
  record: MemberRecord,
  report: PeerReport,
  sources: StatusSources,
  ways: PathReporter | undefined,
): PeerReport {
  const { mesh } = sources.context;
  if (record.hub === mesh.identity.id) {
    const { plane } = sources.overlay ?? {};
    return { ...report, hub: plane === undefined ? null : mesh.record.name };
  }
  const hub = hubOf(mesh, record);
  if (hub === undefined) return { ...report, hub: null, path: "none", healthy: false, isAway: true };
  const plane = sources.overlay?.plane;
  const { healthy, score } = peerReport(hub, plane?.peerStatus(hub.record.publicKey), sources, ways);
  return {
    ...report,
    hub: hub.record.name,
    path: healthy ? "hub" : "none",
    healthy,
    isAway: !healthy,
    score,
  };
}

function peerReport(
  member: Member,
  tunnel: PeerStatus | undefined,
  { session, context: { clock } }: StatusSources,
  ways: PathReporter | undefined,
): PeerReport {
  const { record, statement } = member;
  const link = session?.messages.links.get(record.nodeId);
  const conflict = session?.messages.conflicts.of(record.nodeId);
  const handshakeAt = tunnel?.lastHandshakeAt;
  const age = handshakeAt === undefined
    ? null
    : session?.health.checker.handshakeAgeMs(record.nodeId, handshakeAt) ??
      Math.max(0, clock.wall() - handshakeAt);
  const figures = session?.health.checker.figures(record.nodeId);
  // Before the first probe has ended, an open channel or a handshake is all that is known.
  const hasSession = age !== null && age < SESSION_LIFE_MS;
  const answers = figures !== undefined && figures.lossPercent !== null
    ? figures.healthy
    : link !== undefined || hasSession;
  const path = figures?.healthy ? figures.path : !answers ? "none" : hasSession ? "direct" : "channel";
  const way = ways?.report(member, { endpoint: tunnel?.endpoint, hasSession });
  // Who answers by a channel alone is there, but packets that are meant to reach it do not.
  const healthy = answers && !(path === "channel" && isLost(way));
  const wall = clock.wall();
  const seenAt = session?.sightings.lastSeen(member) ?? statement?.issuedAt;
  const lastSeenMs = link !== undefined || healthy
    ? wall
    : handshakeAt === undefined
    ? seenAt
    : Math.min(wall, Math.max(handshakeAt, seenAt ?? 0));
  // Whom this node neither probes nor dials is somebody else's to miss; its own word is a day old at most.
  const isMissed = figures?.failureCount || session?.messages.dialer.isWanted(record.nodeId);
  const awayAfterMs = isMissed ? SESSION_LIFE_MS : UNHEARD_MS;
  const endpoint = tunnel?.endpoint ?? statedEndpoints(statement)[0] ?? record.endpoint;
  const allowedIps = [...record.addresses.map((address) => Cidr.host(address)), ...record.allowedIps];
  return {
    ...record.verifyingKey === undefined ? {} : { id: record.nodeId },
    name: record.name,
    publicKey: record.publicKey.toString(),
    roles: record.roles,
    ...statement?.release !== undefined && { version: statement.release },
    ...statement?.system !== undefined && { system: statement.system },
    ...statement !== undefined && { endpoints: statedEndpoints(statement).map(String) },
    labels: record.labels,
    ...Object.keys(statement?.labels ?? {}).length > 0 && { statedLabels: statement?.labels ?? {} },
    ...record.unconfirmedLabels && { unconfirmedLabels: record.unconfirmedLabels },
    addresses: record.addresses.map(String),
    allowedIps: (tunnel?.allowedIps ?? allowedIps).map(String),
    ...endpoint === undefined ? {} : { endpoint: endpoint.toString() },
    lastHandshakeAgeMs: age === null ? null : Math.round(age),
    rxBytes: tunnel?.rxBytes ?? 0,
    txBytes: tunnel?.txBytes ?? 0,
    channel: link !== undefined
      ? "open"
      : session?.messages.dialer.isDialling(record.nodeId)
      ? "dialing"
      : "closed",
    ...conflict && { conflict: conflictText(conflict, record.name) },
    path: path === "direct" ? tunnelPath(way) : path,
    ...way && { way },
    rttMs: figures?.lastPingMs ?? link?.channel.lastRttMs ?? null,
    lossPercent: figures?.lossPercent ?? null,
    failureCount: figures?.failureCount ?? 0,
    healthy,
    score: healthy ? figures?.score ?? 0 : 0,
    ...lastSeenMs !== undefined && { lastSeenMs: Math.round(lastSeenMs) },
    isAway: link === undefined && !healthy && !(wall - (lastSeenMs ?? 0) < awayAfterMs),
  };
}

/** Whether every path was tried in vain. */
function isLost(way: PathReport | undefined): boolean {
  return way?.kind === "channel" && way.relayProblem !== undefined && way.problem !== "searching";
}

/** @returns what is said of a tunnel that answers, by the way that its packets take */
export function tunnelPath(way: PathReport | undefined): "direct" | "relay" | "carrier" {
  return way?.kind === "relay" || way?.kind === "carrier" ? way.kind : "direct";
}
