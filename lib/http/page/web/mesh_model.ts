/**
 * The mesh as it is drawn: nodes with their health, and links as both ends say.
 * @module
 */

import type { LinkReport, MemberLinks } from "../../../api/mod.ts";
import type { LivePeer, LiveTraffic } from "../../events/mod.ts";
import { byName } from "./format.ts";
import type { LiveStore, Rates } from "./live_store.ts";

/** How a node is doing, the worst first. */
export const HEALTHS = ["unhealthy", "away", "degraded", "unknown", "healthy", "self"] as const;
/** One of them. */
export type Health = typeof HEALTHS[number];

/** What a health is called. */
export const HEALTH_WORDS: Readonly<Record<Health, string>> = {
  unhealthy: "not answering",
  away: "away",
  degraded: "channel only",
  unknown: "not seen",
  healthy: "healthy",
  self: "this node",
};

/** How packets go. */
export type PathKind = "direct" | "relay" | "carrier" | "channel" | "half" | "hub" | "none";

/** What a path is called. */
export const PATH_WORDS: Readonly<Record<PathKind, string>> = {
  direct: "direct",
  relay: "relay",
  carrier: "stream",
  channel: "channel",
  half: "channel only",
  hub: "through its hub",
  none: "not reached",
};

/** One end of a link, as the node there says. */
export interface LinkEnd {
  readonly path: PathKind;
  readonly via?: string;
  readonly rttMs: number | null;
  readonly healthy: boolean;
  readonly why?: string;
  readonly lastHandshakeAt: number | null;
  readonly rates: Rates;
  /** When that was said; undefined for now. */
  readonly at?: number;
}

/** A link between two nodes. */
export interface MeshLink {
  readonly a: MeshNode;
  readonly b: MeshNode;
  /** What `a` says, and what `b` says; undefined for nothing. */
  readonly ends: readonly [LinkEnd | undefined, LinkEnd | undefined];
  /** The round trip, the shorter one that was said. */
  readonly rttMs: number | null;
  /** Bits a second both ways. */
  readonly rate: number;
  /** Whether an end says that the other answers. */
  readonly isHealthy: boolean;
}

/** A member or a device. */
export interface MeshNode {
  /** The WireGuard public key. */
  readonly key: string;
  readonly id: string | undefined;
  readonly name: string;
  readonly isSelf: boolean;
  readonly isLeader: boolean;
  readonly isElected: boolean;
  readonly isDevice: boolean;
  readonly roles: readonly string[];
  readonly health: Health;
  readonly path: PathKind;
  readonly rttMs: number | null;
  readonly rates: Rates;
  readonly addresses: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string | undefined;
  readonly system: string | undefined;
  /** Absent for this node itself. */
  readonly peer: LivePeer | undefined;
  readonly numbers: LiveTraffic | undefined;
  readonly services: readonly string[];
  /** What it says of its own links. */
  readonly said: MemberLinks | undefined;
  readonly links: MeshLink[];
  /** All that a search looks at, in lower case. */
  readonly text: string;
}

/** The whole. */
export interface Mesh {
  /** This node first, the others by name. */
  readonly nodes: readonly MeshNode[];
  readonly links: readonly MeshLink[];
  readonly byKey: ReadonlyMap<string, MeshNode>;
  readonly byName: ReadonlyMap<string, MeshNode>;
}

/** @returns the mesh as of now */
export function meshOf(store: LiveStore): Mesh {
  const own = store.one("node");
  if (own === undefined) return { nodes: [], links: [], byKey: new Map(), byName: new Map() };
  const said = new Map(store.all("links").map((table) => [table.id, table]));
  const vouched = new Set(
    [...said.values()].flatMap(({ links }) => links.filter(({ healthy }) => healthy).map(({ id }) => id)),
  );
  const services = servicesByNode(store);
  const elected = new Set(own.leaders.filter((leader) => leader.elected).map(({ id }) => id));
  const { node } = own;
  const self = makeNode({
    key: node.publicKey,
    id: node.id,
    name: node.name,
    isSelf: true,
    isElected: elected.has(node.id),
    roles: [node.role],
    health: "self",
    path: "direct",
    addresses: node.addresses,
    labels: { ...node.statedLabels, ...node.labels },
    version: own.version,
    services: services.get(node.id) ?? [],
  });
  const others = store.all("peer").map((peer) => {
    const health = healthOf(peer, peer.id !== undefined && vouched.has(peer.id));
    const numbers = store.numbers(peer.publicKey);
    return makeNode({
      key: peer.publicKey,
      id: peer.id,
      name: peer.name,
      isSelf: false,
      isElected: peer.id !== undefined && elected.has(peer.id),
      roles: peer.roles,
      health,
      path: pathOf(peer),
      addresses: peer.addresses,
      labels: { ...peer.statedLabels, ...peer.labels },
      version: peer.version,
      system: peer.system,
      peer,
      numbers,
      rates: store.traffic(peer.publicKey).rates,
      services: services.get(peer.id ?? "") ?? [],
      said: said.get(peer.id ?? ""),
    });
  }).sort((a, b) => byName(a.name, b.name));
  const nodes = [self, ...others];
  return {
    nodes,
    links: linksOf(nodes, store),
    byKey: new Map(nodes.map((each) => [each.key, each])),
    byName: new Map(nodes.map((each) => [each.name, each])),
  };
}

/** Packets are meant to reach it, and don't. */
export function isChannelOnly({ way }: Pick<LivePeer, "way">): boolean {
  return way?.kind === "channel" && !/^(rootless|unused)/.test(way.problem ?? "");
}

function healthOf(peer: LivePeer, isVouched: boolean): Health {
  if (isChannelOnly(peer)) return "degraded";
  if (peer.healthy) return "healthy";
  if (peer.failureCount > 0 && !peer.isAway) return "unhealthy";
  // In a large mesh a node probes few of the others itself.
  if (isVouched) return "healthy";
  return peer.isAway && peer.lastSeenMs !== undefined ? "away" : "unknown";
}

function pathOf(peer: LivePeer): PathKind {
  if (isChannelOnly(peer)) return "half";
  const { path, way, healthy } = peer;
  if (path === "direct" || path === "hub" || way === undefined) return path;
  return healthy && path !== "none" ? way.kind : path;
}

type NodeFacts =
  & Omit<
    MeshNode,
    "isLeader" | "isDevice" | "links" | "text" | "system" | "peer" | "numbers" | "rates" | "said" | "rttMs"
  >
  & Partial<Pick<MeshNode, "system" | "peer" | "numbers" | "rates" | "said">>;

function makeNode(facts: NodeFacts): MeshNode {
  const { name, key, id, roles, addresses, labels, version, system, services, health } = facts;
  const words = [
    name,
    key,
    id,
    version,
    system,
    HEALTH_WORDS[health],
    PATH_WORDS[facts.path],
    ...roles,
    ...addresses,
    ...services,
    ...Object.entries(labels).map(([label, value]) => `${label}=${value}`),
  ];
  return {
    system: undefined,
    peer: undefined,
    numbers: undefined,
    said: undefined,
    rates: { rx: 0, tx: 0 },
    ...facts,
    isLeader: roles.includes("leader"),
    isDevice: roles.includes("wireguard"),
    rttMs: facts.numbers?.[2] ?? null,
    links: [],
    text: words.filter(Boolean).join("\n").toLowerCase(),
  };
}

function servicesByNode(store: LiveStore): Map<string, string[]> {
  const byNode = new Map<string, string[]>();
  const own = store.one("node")?.node.id ?? "";
  for (const { path, providers } of store.all("service")) {
    for (const { id, isLocal } of providers) {
      const node = isLocal ? own : String(id);
      const known = byNode.get(node);
      if (known === undefined) byNode.set(node, [path]);
      else if (!known.includes(path)) known.push(path);
    }
  }
  return byNode;
}

function linksOf(nodes: readonly MeshNode[], store: LiveStore): MeshLink[] {
  const byId = new Map(nodes.flatMap((node) => node.id === undefined ? [] : [[node.id, node] as const]));
  const byNodeName = new Map(nodes.map((node) => [node.name, node]));
  const ends = new Map<string, { from: MeshNode; to: MeshNode; end: LinkEnd }[]>();
  const add = (from: MeshNode, to: MeshNode, end: LinkEnd): void => {
    const key = from.key < to.key ? `${from.key} ${to.key}` : `${to.key} ${from.key}`;
    const known = ends.get(key);
    if (known === undefined) ends.set(key, [{ from, to, end }]);
    else known.push({ from, to, end });
  };
  const [self] = nodes;
  for (const node of nodes) {
    if (node.peer !== undefined && self !== undefined) {
      const end = ownEnd(node, node.peer);
      const hub = node.peer.hub === undefined || node.peer.hub === null
        ? undefined
        : byNodeName.get(node.peer.hub);
      if (hub !== undefined) add(hub, node, { ...end, path: "hub" });
      else if (end.healthy || node.peer.channel !== "closed" || node.peer.failureCount > 0) {
        add(self, node, end);
      }
    }
    for (const link of node.said?.links ?? []) {
      const to = byId.get(link.id);
      if (to !== undefined && to !== node) add(node, to, saidEnd(link, node, store));
    }
  }
  return [...ends.values()].flatMap((said) => joined(said) ?? []);
}

function joined(said: readonly { from: MeshNode; to: MeshNode; end: LinkEnd }[]): MeshLink | undefined {
  const [first, second] = said;
  if (first === undefined) return undefined;
  const { from: a, to: b } = first;
  const ends = [first.end, second?.end] as const;
  const rtts = ends.flatMap((end) => end?.healthy ? end.rttMs ?? [] : []);
  const link: MeshLink = {
    a,
    b,
    ends,
    rttMs: rtts.length === 0 ? null : Math.min(...rtts),
    rate: Math.max(...ends.map((end) => end === undefined ? 0 : end.rates.rx + end.rates.tx)),
    isHealthy: ends.some((end) => end?.healthy === true),
  };
  a.links.push(link);
  b.links.push(link);
  return link;
}

function ownEnd(node: MeshNode, peer: LivePeer): LinkEnd {
  return {
    path: node.path,
    ...peer.way?.via !== undefined && { via: peer.way.via },
    rttMs: node.rttMs,
    healthy: peer.healthy,
    ...peer.way?.why !== undefined && { why: peer.way.why },
    lastHandshakeAt: node.numbers?.[3] ?? null,
    rates: node.rates,
  };
}

function saidEnd(link: LinkReport, from: MeshNode, store: LiveStore): LinkEnd {
  return {
    // By its channel it answers, and packets don't arrive.
    path: link.path === "channel" && !link.healthy ? "half" : link.path,
    ...link.via !== undefined && { via: link.via },
    rttMs: link.rttMs,
    healthy: link.healthy,
    ...link.why !== undefined && { why: link.why },
    lastHandshakeAt: link.lastHandshakeAt,
    rates: store.linkRates(from.id ?? "", link.id),
    ...from.said !== undefined && { at: from.said.at },
  };
}
