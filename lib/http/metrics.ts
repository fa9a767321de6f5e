/**
 * The status as metrics, in the text format of OpenMetrics 1.0.
 * @module
 */

import type { PeerReport, StatusReport } from "../api/mod.ts";

/** The media type of what `metricsText` returns. */
export const METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/** One family: its type, what it says, and its samples. */
interface Family {
  readonly name: string;
  readonly type: "gauge" | "counter" | "info";
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** @returns every number of a status report, one sample a line */
export function metricsText(status: StatusReport): string {
  return families(status).map(familyText).join("") + "# EOF\n";
}

function families(status: StatusReport): readonly Family[] {
  const { node, network, peers } = status;
  const each = (value: (peer: PeerReport) => number | null): Sample[] =>
    peers.flatMap((peer): Sample[] => {
      const measured = value(peer);
      return measured === null ? [] : [[{ peer: peer.name, id: peer.id ?? peer.publicKey }, measured]];
    });
  const seconds = (ms: number | null) => ms === null ? null : ms / 1000;
  const info = {
    version: status.version,
    node: node.name,
    id: node.id,
    role: node.role,
    network: network.id,
    dataplane: status.dataplane.kind,
  };
  const one = (value: number): readonly Sample[] => [[{}, value]];
  const { services, providers, calls, programs, rejected, openBreakers } = status.services;
  return [
    { name: "weft", type: "info", help: "This node.", samples: [[info, 1]] },
    {
      name: "weft_uptime_seconds",
      type: "gauge",
      help: "Since the start.",
      samples: one(status.uptimeMs / 1000),
    },
    {
      name: "weft_members",
      type: "gauge",
      help: "Of the network, this node included.",
      samples: one(network.members),
    },
    { name: "weft_peers", type: "gauge", help: "That this node knows.", samples: one(peers.length) },
    {
      name: "weft_peer_healthy",
      type: "gauge",
      help: "1 when a handshake or an answer is recent and no two probes in a row were missed.",
      samples: each((peer) => peer.healthy ? 1 : 0),
    },
    {
      name: "weft_peer_channel_open",
      type: "gauge",
      help: "1 when a channel of the message plane is open.",
      samples: each((peer) => peer.channel === "open" ? 1 : 0),
    },
    {
      name: "weft_peer_rtt_seconds",
      type: "gauge",
      help: "The last answered probe, there and back.",
      samples: each((peer) => seconds(peer.rttMs)),
    },
    {
      name: "weft_peer_loss_ratio",
      type: "gauge",
      help: "Of the last 20 probes, the part without an answer.",
      samples: each((peer) => peer.lossPercent === null ? null : peer.lossPercent / 100),
    },
    {
      name: "weft_peer_failures",
      type: "gauge",
      help: "Probes in a row without an answer.",
      samples: each((peer) => peer.failureCount),
    },
    {
      name: "weft_peer_health_score",
      type: "gauge",
      help: "0, unhealthy, to 100.",
      samples: each((peer) => peer.score),
    },
    {
      name: "weft_peer_last_handshake_age_seconds",
      type: "gauge",
      help: "Since the last WireGuard handshake.",
      samples: each((peer) => seconds(peer.lastHandshakeAgeMs)),
    },
    {
      name: "weft_peer_received_bytes",
      type: "counter",
      help: "Datagrams from the peer.",
      samples: each((peer) => peer.rxBytes),
    },
    {
      name: "weft_peer_sent_bytes",
      type: "counter",
      help: "Datagrams to the peer.",
      samples: each((peer) => peer.txBytes),
    },
    {
      name: "weft_services",
      type: "gauge",
      help: "That are known, wherever they run.",
      samples: one(services),
    },
    {
      name: "weft_service_providers",
      type: "gauge",
      help: "One for each service and who offers it; healthy ones run on a node that answers.",
      samples: [[{ health: "healthy" }, providers.healthy], [{ health: "unhealthy" }, providers.unhealthy]],
    },
    {
      name: "weft_calls",
      type: "gauge",
      help: "Calls that wait for an answer, and calls of others that run here.",
      samples: [[{ state: "pending" }, calls.pending], [{ state: "running" }, calls.running]],
    },
    {
      name: "weft_programs",
      type: "gauge",
      help: "Of this machine, that are attached.",
      samples: one(programs),
    },
    {
      name: "weft_service_messages_rejected",
      type: "counter",
      help: "Messages about services that could not be read.",
      samples: one(rejected),
    },
    {
      name: "weft_open_breakers",
      type: "gauge",
      help: "Providers that are spared because they failed.",
      samples: one(openBreakers),
    },
    {
      name: "weft_dns",
      type: "counter",
      help: "Responses by code, and what was forwarded, refused and dropped by reason.",
      samples: Object.entries(status.dns?.counters ?? {}).map(([kind, count]): Sample => [{ kind }, count]),
    },
    {
      name: "weft_drops",
      type: "counter",
      help: "Datagrams and packets that were dropped, by reason.",
      samples: Object.entries(status.drops).map(([reason, count]): Sample => [{ reason }, count]),
    },
  ];
}

/** OpenMetrics 1.0, "Text format": counters end in `_total`, infos in `_info`, their families do not. */
function familyText({ name, type, help, samples }: Family): string {
  if (samples.length === 0) return "";
  const suffix = type === "counter" ? "_total" : type === "info" ? "_info" : "";
  const lines = samples.map(([labels, value]) => `${name}${suffix}${labelText(labels)} ${value}\n`);
  return `# TYPE ${name} ${type}\n# HELP ${name} ${help}\n${lines.join("")}`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** "ABNF": backslash, quote and line feed are escaped, everything else stands as it is. */
function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
