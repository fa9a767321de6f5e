/**
 * The node, its peers, and the ways that packets to them take.
 * @module
 */

import type { PathReport, PeerReport, StatusReport } from "../../api/mod.ts";
import type { Exposition, Labels, Sample } from "./exposition.ts";

/** Adds what a node is. */
export function addNode(out: Exposition, status: StatusReport): void {
  const { version, uptimeMs, node, network, peers, dataplane, leaders, warnings = [] } = status;
  const info = { version, node: node.name, id: node.id, role: node.role, network: network.id };
  out.info("weft", "This node: its name, role, version and data plane.", {
    ...info,
    dataplane: dataplane.kind,
  });
  out.gauge("weft_uptime_seconds", "Time since the agent started.", uptimeMs / 1000);
  out.gauge("weft_members", "Members of the network, this node included.", network.members);
  out.gauge("weft_peers", "Members and devices that this node knows, itself excluded.", peers.length);
  out.gauge(
    "weft_leaders_alive",
    "Leaders that this node hears.",
    leaders.filter(({ alive }) => alive).length,
  );
  const kinds = new Map<string, number>();
  for (const { kind } of warnings) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  out.gauge(
    "weft_warnings",
    "What a person should mend, by kind.",
    [...kinds].map(([kind, n]) => [{ kind }, n]),
  );
}

/** Adds how peers are doing. */
export function addPeers(out: Exposition, peers: readonly PeerReport[]): void {
  const each = (value: (peer: PeerReport) => number | null): readonly Sample[] =>
    peers.flatMap((peer): Sample[] => {
      const measured = value(peer);
      return measured === null ? [] : [[labelsOf(peer), measured]];
    });
  out.gauge(
    "weft_peer_healthy",
    "1 when a handshake or an answer is recent and no two probes in a row were missed.",
    each((peer) => peer.healthy ? 1 : 0),
  );
  out.gauge(
    "weft_peer_channel_open",
    "1 when a channel of the message plane to the peer is open.",
    each((peer) => peer.channel === "open" ? 1 : 0),
  );
  addPaths(out, peers);
  out.gauge(
    "weft_peer_rtt_seconds",
    "Round trip of the last answered probe of the peer.",
    each((peer) => seconds(peer.rttMs)),
  );
  out.gauge(
    "weft_peer_loss_ratio",
    "Share of the last 20 probes of the peer without an answer.",
    each((peer) => peer.lossPercent === null ? null : peer.lossPercent / 100),
  );
  out.gauge(
    "weft_peer_failures",
    "Probes of the peer in a row without an answer.",
    each((peer) => peer.failureCount),
  );
  out.gauge(
    "weft_peer_last_seen_timestamp_seconds",
    "When this node or a leader last heard of the peer.",
    each((peer) => seconds(peer.lastSeenMs ?? null)),
  );
  out.gauge(
    "weft_peer_health_score",
    "Health of the peer, 0 (unhealthy) to 100.",
    each((peer) => peer.score),
  );
  out.gauge(
    "weft_peer_last_handshake_age_seconds",
    "Time since the last WireGuard handshake with the peer.",
    each((peer) => seconds(peer.lastHandshakeAgeMs)),
  );
  out.counter(
    "weft_peer_received_bytes",
    "Bytes of datagrams received from the peer.",
    each((peer) => peer.rxBytes),
  );
  out.counter("weft_peer_sent_bytes", "Bytes of datagrams sent to the peer.", each((peer) => peer.txBytes));
}

function addPaths(out: Exposition, peers: readonly PeerReport[]): void {
  const each = (value: (way: PathReport) => number | undefined | null): readonly Sample[] =>
    peers.flatMap((peer): Sample[] => {
      const measured = peer.way && value(peer.way);
      return measured === undefined || measured === null ? [] : [[labelsOf(peer), measured]];
    });
  const marked = (value: (way: PathReport) => Labels | undefined): readonly Sample[] =>
    peers.flatMap((peer): Sample[] => {
      const labels = peer.way && value(peer.way);
      return labels === undefined ? [] : [[{ ...labelsOf(peer), ...labels }, 1]];
    });
  out.gauge(
    "weft_peer_path",
    "1 for the way that packets to the peer take: direct, relay, carrier, channel (none arrive) or none.",
    marked(({ kind, via = "" }) => ({ kind, via })),
  );
  out.gauge(
    "weft_peer_path_problem",
    "1 for the reason for which the way to the peer is no direct one.",
    marked(({ problem }) => problem && { problem }),
  );
  out.gauge(
    "weft_peer_path_rtt_seconds",
    "Round trip of the probes of the way to the peer.",
    each(({ rttMs }) => seconds(rttMs)),
  );
  out.gauge(
    "weft_peer_path_mtu_bytes",
    "Longest packet that the way to the peer carries.",
    each(({ mtuBytes }) => mtuBytes),
  );
  out.gauge(
    "weft_peer_path_standby",
    "Other ways to the peer that answer.",
    each((way) => way.standbyCount),
  );
}

function labelsOf({ name, id, publicKey }: PeerReport): Labels {
  return { peer: name, id: id ?? publicKey };
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000;
}
