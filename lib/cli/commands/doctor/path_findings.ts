/**
 * What `weft doctor` finds of the ways that packets take, and what would make them better.
 * @module
 */

import type { PeerReport, StatusReport } from "../../../api/mod.ts";
import { counted } from "../../output/mod.ts";
import type { Finding } from "../finding.ts";

/** IPv6 asks so much of every link, in bytes (RFC 8200 §5). */
const LEAST_MTU_BYTES = 1_280;
/** What UDP over IPv6 and WireGuard put around a packet, in bytes. */
const AROUND_BYTES = 80;

/** @returns what came of each check by its name; nothing of a node without a packet plane */
export function pathFindings(
  { reach, peers, node, dataplane }: Pick<StatusReport, "reach" | "peers" | "node" | "dataplane">,
): ReadonlyMap<string, Finding> {
  const findings = new Map<string, Finding>();
  if (reach === undefined) return findings;
  findings.set("UDP", udpFinding(reach, node.listenPort));
  const mapping = mappingFinding(reach, peers, node.listenPort);
  if (mapping !== undefined) findings.set("NAT", mapping);
  findings.set("paths", pathsFinding(peers));
  const narrow = mtuFinding(peers, dataplane.mtuBytes);
  if (narrow !== undefined) findings.set("path MTU", narrow);
  return findings;
}

function udpFinding({ udp, seenAt }: NonNullable<StatusReport["reach"]>, port: number): Finding {
  if (udp === "silent") {
    return {
      kind: "problem",
      detail: "members answer over TCP, and none of them answers a datagram: UDP seems to be blocked",
      hint:
        `Let UDP out, from port ${port} to any, and its answers in; until then packets go in streams. \`weft netcheck\` tells more.`,
    };
  }
  if (udp === "unknown") return { kind: "ok", detail: "no member was asked by UDP yet" };
  const seen = seenAt.length === 0 ? "" : `, and see this node at ${seenAt.slice(0, 3).join(", ")}`;
  return { kind: "ok", detail: `members answer datagrams${seen}` };
}

function mappingFinding(
  { mapping }: NonNullable<StatusReport["reach"]>,
  peers: readonly PeerReport[],
  port: number,
): Finding | undefined {
  if (mapping !== "varies") return undefined;
  const says = "the NAT before this host uses another port for each destination";
  const hurt = peers.filter(({ way }) => way?.problem === "nat-varies");
  if (hurt.length === 0) return { kind: "ok", detail: `${says}; every member in use is reached directly` };
  return {
    kind: "problem",
    detail: `${says}, so that no direct path to ${names(hurt)} was found`,
    hint: `Switch on UPnP, NAT-PMP or PCP in the router, or forward UDP port ${port} to this host and run ` +
      `\`weft config set endpoint ADDRESS:${port}\` with the router's public address.`,
  };
}

function pathsFinding(peers: readonly PeerReport[]): Finding {
  const ways = peers.flatMap(({ way }) => way === undefined ? [] : [way]);
  // Who has a link is there; of others nobody knows whether they are switched off.
  const lost = peers.filter(({ way }) =>
    way?.kind === "channel" && way.relayProblem !== undefined && way.problem !== "searching"
  );
  const [first] = lost;
  if (first?.way !== undefined) {
    return {
      kind: "problem",
      detail: `packets do not reach ${names(lost)}: ${first.way.why ?? first.way.problem}`,
      hint: first.way.relayProblem === "relay-silent"
        ? "Let datagrams in where the relay runs, to the ports of its option --relay-ports."
        : "A member that both can reach should relay: run \`weft config set relay on\` there.",
    };
  }
  const kinds = (["direct", "relay", "carrier"] as const).map((kind) => {
    const count = ways.filter((way) => way.kind === kind).length;
    return [count, kind === "direct" ? "direct" : kind === "relay" ? "by relays" : "in streams"] as const;
  }).filter(([count]) => count > 0);
  if (kinds.length === 0) return { kind: "ok", detail: "no packets are exchanged with members now" };
  return {
    kind: "ok",
    detail: `paths to members: ${kinds.map(([count, what]) => `${count} ${what}`).join(", ")}`,
  };
}

function mtuFinding(
  peers: readonly PeerReport[],
  interfaceMtuBytes: number | undefined,
): Finding | undefined {
  const mtuOf = ({ way }: PeerReport): number => way?.mtuBytes ?? Infinity;
  const [least] = peers.toSorted((a, b) => mtuOf(a) - mtuOf(b));
  if (least === undefined || mtuOf(least) === Infinity) return undefined;
  const narrow = peers.filter((peer) => mtuOf(peer) < LEAST_MTU_BYTES);
  if (mtuOf(least) === interfaceMtuBytes) {
    return {
      kind: "ok",
      detail: `every path carries the packets of ${interfaceMtuBytes} bytes that weft's interface takes`,
    };
  }
  const detail = `the narrowest path, to ${least.name}, carries packets of ${mtuOf(least)} bytes`;
  if (narrow.length === 0) return { kind: "ok", detail };
  return {
    kind: "problem",
    detail: `${detail}; IPv6 needs ${LEAST_MTU_BYTES}, on ${counted(narrow.length, "path")} there is less`,
    hint: `Something on the way, such as another tunnel, takes room: give it an MTU of ${
      LEAST_MTU_BYTES + AROUND_BYTES
    } or more.`,
  };
}

function names(peers: readonly PeerReport[]): string {
  const [first, ...others] = peers.map(({ name }) => name);
  if (others.length > 2) return `${first} and ${others.length} others`;
  return [first, ...others].join(", ");
}
