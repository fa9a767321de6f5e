/**
 * Members and devices as people read them in a terminal: a line each, or all of one.
 * @module
 */

import type { MemberReport, PathReport, PeerReport, TokenReport } from "../../api/mod.ts";
import type { ServiceReport } from "../../service/mod.ts";
import type { Terminal } from "../terminal.ts";
import { counted, formatBytes, formatRtt, formatSpan } from "./human_units.ts";
import { type Cell, type Fact, factLines, paintedCell, pairsText, tableLines, tableText } from "./table.ts";

/** A column: its title, what stands in it, and how readily it is left out where a line has no room; 0 for never. */
interface Column {
  readonly title: string;
  readonly text: (
    peer: PeerReport,
    seen: { readonly terminal: Terminal; readonly nowMs: number },
  ) => string | Cell;
  readonly rank: number;
}

/** What stands behind it is of `weft peers` alone. */
const LAST_SEEN: Column = { title: ">LAST SEEN", rank: 1, text: (peer, { nowMs }) => seenText(peer, nowMs) };

const COLUMNS: readonly Column[] = [
  { title: "NAME", rank: 0, text: ({ name }) => name },
  { title: "ADDRESS", rank: 0, text: ({ addresses }) => addresses[0] ?? "-" },
  {
    title: "HEALTH",
    rank: 0,
    text: (peer, { terminal }) => paintedCell(terminal, isWell(peer) ? "good" : "bad", healthOf(peer)),
  },
  { title: "PATH", rank: 1, text: pathOf },
  { title: ">RTT", rank: 3, text: ({ rttMs }) => rttMs === null ? "-" : formatRtt(rttMs) },
  { title: ">LOSS", rank: 6, text: ({ lossPercent }) => lossPercent === null ? "-" : `${lossPercent} %` },
  {
    title: ">HANDSHAKE",
    rank: 7,
    text: ({ lastHandshakeAgeMs: age }) => age === null ? "never" : `${formatSpan(age)} ago`,
  },
  { title: ">RECEIVED", rank: 8, text: ({ rxBytes }) => formatBytes(rxBytes) },
  { title: ">SENT", rank: 8, text: ({ txBytes }) => formatBytes(txBytes) },
  LAST_SEEN,
  { title: "ROLES", rank: 4, text: ({ roles }) => roles.join(",") },
  { title: "VERSION", rank: 5, text: ({ version }) => version ?? "-" },
  { title: "SYSTEM", rank: 9, text: ({ system }) => system ?? "-" },
];

/**
 * @param view.wide whether all columns are shown, however long the lines get; where no terminal is, they are
 * @param view.isShort whether it is part of the status, and what seldom changes is left out
 * @returns one line a peer, below a line of titles; of its addresses the first
 */
export function peersText(
  peers: readonly PeerReport[],
  terminal: Terminal,
  view: { readonly wide?: boolean; readonly isShort?: boolean; readonly nowMs?: number } = {},
): string {
  if (peers.length === 0) return "No peers yet. `weft token create` on the leader invites them.\n";
  const sorted = peers.toSorted((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  const seen = { terminal, nowMs: view.nowMs ?? Date.now() };
  const lay = (columns: readonly Column[]) =>
    [
      columns.map(({ title }) => title),
      sorted.map((peer) => columns.map(({ text }) => text(peer, seen))),
    ] as const;
  // Where somebody is away, it matters for how long.
  const last = COLUMNS.indexOf(LAST_SEEN) + (peers.some(({ isAway }) => isAway) ? 1 : 0);
  let columns = view.isShort === true ? COLUMNS.slice(0, last) : COLUMNS;
  const room = view.wide === true ? undefined : terminal.columns;
  while (room !== undefined && widthOf(lay(columns)) > room) {
    const worst = Math.max(...columns.map(({ rank }) => rank));
    if (worst === 0) break;
    columns = columns.filter(({ rank }) => rank !== worst);
  }
  return tableText(...lay(columns), terminal);
}

/** What a plain device has in place of a path of its own is said whatever becomes of it. */
function pathOf({ name, hub, path, way, endpoint }: PeerReport): string {
  if (hub !== undefined) return hub === null ? "no hub" : `via ${hub}`;
  if (way !== undefined) return wayText(way, name);
  // Of plain devices, and as agents of a former release say it.
  return path === "none"
    ? "-"
    : path === "channel"
    ? "channel only"
    : [path, endpoint].filter(Boolean).join(" ");
}

/** @returns which way packets to a member take, in a few words */
export function wayText(way: PathReport, name: string): string {
  const { kind, endpoint, via } = way;
  const by = via === undefined || via === name ? "" : ` by ${via}`;
  if (kind === "direct") return ["direct", endpoint].filter(Boolean).join(" ");
  if (kind === "relay") return `relay${by}`;
  if (kind === "carrier") return `stream${by}`;
  if (kind !== "channel") return "-";
  return isUnmeant(way) ? `channel${by}` : `channel only${by}`;
}

/** Whether nobody has meant packets to go there. */
function isUnmeant({ problem }: PathReport): boolean {
  return problem === "rootless-here" || problem === "rootless-there" || problem === "unused";
}

/** Whether a member answers over a channel alone although packets are meant to reach it. */
function isChannelOnly({ way }: PeerReport): boolean {
  return way?.kind === "channel" && !isUnmeant(way);
}

function isWell(peer: PeerReport): boolean {
  return peer.healthy && !isChannelOnly(peer);
}

function widthOf(
  [titles, rows]: readonly [readonly string[], readonly (readonly (string | Cell)[])[]],
): number {
  const plain = rows.map((row) => row.map((cell) => typeof cell === "string" ? cell : cell.text));
  return Math.max(...tableLines(titles, plain).map((line) => [...line].length));
}

/** What is known of one member or device. */
export interface PeerFacts {
  /** Absent for this node itself. */
  readonly peer?: PeerReport;
  readonly member: MemberReport;
  readonly services: readonly ServiceReport[];
  /** By which it came in, where a leader tells. */
  readonly token?: TokenReport;
}

/** @returns all of it, with its line feeds */
export function peerText(
  { peer, member, services, token }: PeerFacts,
  terminal: Terminal,
  nowMs: number,
): string {
  const { name, id, roles, addresses, labels, statedLabels, unconfirmedLabels, ephemeralMs, tokenId } =
    member;
  const labelled = [
    pairsText(labels),
    pairsText(statedLabels) && `says of itself ${pairsText(statedLabels)}`,
    pairsText(unconfirmedLabels) && `unconfirmed ${pairsText(unconfirmedLabels)}`,
  ].filter(Boolean).join("; ");
  const software = [peer?.version && `weft ${peer.version}`, peer?.system].filter(Boolean).join(" on ");
  const facts: Fact[] = [
    [
      "name",
      paintedCell(terminal, "strong", name),
      `, ${peer === undefined ? "this node, " : ""}${roles.join(", ")}`,
    ],
    ["addresses", addresses.join(", ") || "none"],
    ["id", id],
  ];
  if (peer !== undefined) {
    const extra = peer.allowedIps.filter((cidr) => !addresses.some((one) => cidr.startsWith(`${one}/`)));
    // A relay's port or the end of a stream is no endpoint of the member.
    const isIndirect = peer.way?.kind === "relay" || peer.way?.kind === "carrier";
    const inUse = isIndirect ? peer.way?.endpoint : peer.endpoint;
    const tried = [
      ...new Set([...isIndirect || inUse === undefined ? [] : [inUse], ...peer.endpoints ?? []]),
    ];
    facts.push(
      ["key", peer.publicKey],
      ...extra.length > 0 ? [["carries", extra.join(", ")] as const] : [],
      ["software", software || "not told"],
      ["health", paintedCell(terminal, isWell(peer) ? "good" : "bad", healthOf(peer)), figuresText(peer)],
      ["path", [pathOf(peer), ...wayFigures(peer.way), `channel ${peer.channel}`].join(", ")],
      ...peer.conflict === undefined ? [] : [
        [
          "versions",
          paintedCell(terminal, "bad", peer.conflict.problem),
          `. ${peer.conflict.hint}`,
        ] as const,
      ],
      ...peer.way?.why === undefined ? [] : [["not direct", peer.way.why] as const],
      ["endpoint", inUse ?? "none in use", isIndirect && inUse !== undefined ? ", of the relay" : ""],
      ["endpoints", tried.join(", ") || "none known"],
      [
        "handshake",
        peer.lastHandshakeAgeMs === null ? "never" : `${formatSpan(peer.lastHandshakeAgeMs)} ago`,
      ],
      ["carried", `${formatBytes(peer.rxBytes)} received, ${formatBytes(peer.txBytes)} sent`],
      ["last seen", seenText(peer, nowMs)],
    );
  }
  facts.push(
    ["labels", labelled || "none"],
    ["may", grantsLine(member)],
    ["token", tokenId === undefined ? "not known here" : `${tokenId}${token ? `, ${token.state}` : ""}`],
    ...ephemeralMs === undefined ? [] : [["removed", `when away for ${formatSpan(ephemeralMs)}`] as const],
    ["services", services.map(({ path }) => path).join(", ") || "none"],
  );
  return factLines(facts, terminal);
}

/** @returns what probes have measured of a way */
export function wayFigures(way: PathReport | undefined): readonly string[] {
  if (way === undefined) return [];
  const { rttMs, mtuBytes, standbyCount } = way;
  return [
    ...rttMs === null ? [] : [`round trip ${formatRtt(rttMs)}`],
    ...mtuBytes === undefined ? [] : [`MTU ${mtuBytes}`],
    ...standbyCount === 0 ? [] : [`${counted(standbyCount, "other path")} ready`],
  ];
}

function figuresText({ rttMs, lossPercent, score }: PeerReport): string {
  const figures = [
    rttMs === null ? "" : `answers in ${formatRtt(rttMs)}`,
    lossPercent === null ? "" : `${lossPercent} % lost`,
    `score ${score}`,
  ];
  return `, ${figures.filter(Boolean).join(", ")}`;
}

function grantsLine({ roles, grants }: MemberReport): string {
  if (roles.includes("leader")) return "everything: it leads";
  const lists = Object.entries(grants).filter(([, patterns]) => patterns.length > 0)
    .map(([kind, patterns]) => `${kind} ${patterns.join(" ")}`);
  return lists.join("; ") || "what every member may";
}

/** Who answers is there now, here; of others their record, their link or a handshake with this node says when they were. */
function seenText({ healthy, channel, path, lastSeenMs }: PeerReport, nowMs: number): string {
  if (path !== "hub" && healthy || channel === "open") return "now";
  return lastSeenMs === undefined ? "-" : `${formatSpan(Math.max(0, nowMs - lastSeenMs))} ago`;
}

/** Of a device behind another node only the hub is known here. */
function healthOf(peer: PeerReport): string {
  if (peer.path === "hub" && peer.healthy) return "hub healthy";
  if (peer.conflict !== undefined) return "other version";
  if (isChannelOnly(peer)) return "channel only";
  if (peer.healthy) return "healthy";
  if (peer.isAway) return peer.lastSeenMs === undefined ? "not seen" : "away";
  return peer.channel === "dialing" ? "dialing" : "away";
}
