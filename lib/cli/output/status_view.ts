/**
 * Reports as people read them in a terminal.
 * @module
 */

import type { PeerReport, StatusReport, TokenReport } from "../../api/mod.ts";
import { formatBytes, formatRemaining, formatRtt, formatSpan } from "./human_units.ts";
import { type Cell, type Column, tableText } from "./table.ts";
import { paint, type Terminal, type Tone } from "../terminal.ts";

const PEER_COLUMNS: readonly Column[] = [
  { title: "NAME" },
  { title: "ADDRESS" },
  { title: "HEALTH" },
  { title: "PATH" },
  { title: "ENDPOINT" },
  { title: "RTT", align: "right" },
  { title: "LOSS", align: "right" },
  { title: "HANDSHAKE", align: "right" },
  { title: "RECEIVED", align: "right" },
  { title: "SENT", align: "right" },
];

const TOKEN_COLUMNS: readonly Column[] = [
  { title: "ID" },
  { title: "STATE" },
  { title: "USED", align: "right" },
  { title: "LEFT", align: "right" },
  { title: "EXPIRES" },
  { title: "LABELS" },
];

/** @returns the whole picture, with its line feeds */
export function statusText(status: StatusReport, terminal: Terminal): string {
  const { node, network, dataplane } = status;
  const plane = dataplane.kind === "rootless" ? "rootless: message plane only" : [
    dataplane.interfaceName,
    `MTU ${dataplane.mtuBytes}`,
    dataplane.kind,
    `sealed by ${dataplane.aead}`,
    ...(dataplane.offloads?.length ? [`offloads ${dataplane.offloads.join(" ")}`] : []),
  ].join(", ");
  const facts: readonly (readonly [string, string])[] = [
    [
      "node",
      `${paint(terminal, "strong", node.name)}, ${node.role}, ${
        node.addresses.join(", ") || "no address yet"
      }`,
    ],
    ["network", `${network.cidr}, ${network.members} ${network.members === 1 ? "member" : "members"}`],
    ["key", node.publicKey],
    ["listens", [`port ${node.listenPort}`, ...node.endpoints].join(", ")],
    ["plane", plane],
    ["names", namesText(status.dns)],
    ...nearbyFact(status),
    ...dhtFact(status),
    ...offeredFact(status),
    ["state", `${status.state}, up for ${formatSpan(status.uptimeMs)}, weft ${status.version}`],
  ];
  const drops = Object.entries(status.drops).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  if (drops.length > 0) {
    const shown = drops.slice(0, 6).map(([reason, count]) => `${count} ${reason}`);
    const more = drops.length > shown.length ? ", …" : "";
    return `${factLines([...facts, ["dropped", shown.join(", ") + more]], terminal)}\n${
      peersText(status.peers, terminal)
    }`;
  }
  return `${factLines(facts, terminal)}\n${peersText(status.peers, terminal)}`;
}

/** @returns one line a peer, below a line of titles; of its addresses the first, so that lines stay short */
export function peersText(peers: readonly PeerReport[], terminal: Terminal): string {
  if (peers.length === 0) return "No peers yet. `weft token create` on the leader invites them.\n";
  const sorted = peers.toSorted((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  const rows = sorted.map((peer) => [
    peer.name,
    peer.addresses[0] ?? "-",
    painted(terminal, peer.healthy ? "good" : "bad", healthOf(peer)),
    peer.path === "none" ? "-" : peer.path,
    peer.endpoint ?? "-",
    peer.rttMs === null ? "-" : formatRtt(peer.rttMs),
    peer.lossPercent === null ? "-" : `${peer.lossPercent} %`,
    peer.lastHandshakeAgeMs === null ? "never" : `${formatSpan(peer.lastHandshakeAgeMs)} ago`,
    formatBytes(peer.rxBytes),
    formatBytes(peer.txBytes),
  ]);
  return tableText(PEER_COLUMNS, rows, terminal);
}

/** @returns one line a token, below a line of titles */
export function tokensText(tokens: readonly TokenReport[], terminal: Terminal, nowMs: number): string {
  if (tokens.length === 0) return "No tokens. `weft token create` makes one.\n";
  const rows = tokens.map((token) => [
    token.id,
    painted(terminal, token.state === "usable" ? "good" : "quiet", token.state),
    String(token.used),
    token.usesLeft === null ? "any" : String(token.usesLeft),
    token.expiresAt > nowMs
      ? `in ${formatRemaining(token.expiresAt - nowMs)}`
      : `${formatSpan(nowMs - token.expiresAt)} ago`,
    Object.entries(token.labels).map(([key, value]) => `${key}=${value}`).join(","),
  ]);
  return tableText(TOKEN_COLUMNS, rows, terminal);
}

function namesText(dns: StatusReport["dns"]): string {
  if (dns === undefined) return "off";
  const asks = dns.resolver === "off" ? "this host does not ask" : `this host asks by ${dns.resolver}`;
  return [dns.zone, `at ${dns.endpoints.join(", ")}`, asks].join(", ");
}

function nearbyFact({ discovery }: StatusReport): readonly (readonly [string, string])[] {
  return discovery === undefined
    ? []
    : [["nearby", `${discovery.heard} heard, by ${discovery.providers.join(" and ")}`]];
}

function dhtFact({ dht }: StatusReport): readonly (readonly [string, string])[] {
  return dht === undefined ? [] : [["DHT", `nodes that answer: ${dht.contacts}`]];
}

function offeredFact(
  { services: { services, providers, programs, calls, rejected } }: StatusReport,
): readonly (readonly [string, string])[] {
  if (services === 0 && programs === 0 && rejected === 0) return [];
  const { healthy, unhealthy } = providers;
  const facts = [
    `${services} ${services === 1 ? "service" : "services"}`,
    `${healthy} of ${healthy + unhealthy} providers healthy`,
    `${calls.running} ${calls.running === 1 ? "call" : "calls"} running`,
    ...programs === 0 ? [] : [`${programs} ${programs === 1 ? "program" : "programs"} attached`],
    ...rejected === 0 ? [] : [`${rejected} ${rejected === 1 ? "message" : "messages"} rejected`],
  ];
  return [["offered", facts.join(", ")]];
}

function healthOf(peer: PeerReport): string {
  if (!peer.healthy) return peer.channel === "dialing" ? "dialing" : "away";
  return "healthy";
}

function painted(terminal: Terminal, tone: Tone, text: string): Cell {
  return { text, painted: paint(terminal, tone, text) };
}

function factLines(facts: readonly (readonly [string, string])[], terminal: Terminal): string {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, text]) => `${paint(terminal, "quiet", name.padEnd(width))}  ${text}\n`).join("");
}
