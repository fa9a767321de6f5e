/**
 * The status as metrics, in the text formats of OpenMetrics 1.0 and of Prometheus 0.0.4.
 * @module
 */

import type {
  FrameCountsReport,
  NetworkReport,
  PathReport,
  PeerReport,
  PolicyCounters,
  RelayReport,
  StatusReport,
} from "../../api/mod.ts";

/** The media type of each format; the first is for whoever does not say. */
export const METRICS_TYPES = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
} as const;

/** How metrics are written. */
export type MetricsFormat = keyof typeof METRICS_TYPES;

/** Of a policy's rules, the first ones; `weft policy counters` has all of them. */
const MAX_RULES = 256;

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/**
 * @param refusals how many requests were refused for their tokens, by reason
 * @param policy what rules have decided
 * @returns every number of a status report, one sample a line
 */
export function metricsText(
  status: StatusReport,
  format: MetricsFormat,
  refusals: Readonly<Record<string, number>> = {},
  policy: PolicyCounters | undefined = undefined,
): string {
  return [...families(status, format, refusals, policy)].join("") +
    (format === "openmetrics" ? "# EOF\n" : "");
}

/** One family after the other. */
function* families(
  status: StatusReport,
  format: MetricsFormat,
  refusals: Readonly<Record<string, number>>,
  policy: PolicyCounters | undefined,
): Generator<string> {
  const { version, uptimeMs, node, network, networks, peers, dataplane, dns, drops } = status;
  const { services, providers, calls, programs, rejected, refused, openBreakers, memory } = status.services;
  const gauge = (name: string, help: string, samples: readonly Sample[]) =>
    family(format, "gauge", name, help, samples);
  const counter = (name: string, help: string, samples: readonly Sample[]) =>
    family(format, "counter", name, help, samples);
  const one = (value: number): readonly Sample[] => [[{}, value]];
  const by = (label: string, counts: Readonly<Record<string, number>>): readonly Sample[] =>
    Object.entries(counts).map(([key, value]) => [{ [label]: key }, value]);
  const each = (value: (peer: PeerReport) => number | null): readonly Sample[] =>
    peers.flatMap((peer): Sample[] => {
      const measured = value(peer);
      return measured === null ? [] : [[{ peer: peer.name, id: peer.id ?? peer.publicKey }, measured]];
    });
  const seconds = (ms: number | null) => ms === null ? null : ms / 1000;
  const info = { version, node: node.name, id: node.id, role: node.role, network: network.id };
  yield family(format, "info", "weft", "This node.", [[{ ...info, dataplane: dataplane.kind }, 1]]);
  yield gauge("weft_uptime_seconds", "Since the start.", one(uptimeMs / 1000));
  yield gauge("weft_members", "Of the network, this node included.", one(network.members));
  yield gauge("weft_peers", "That this node knows.", one(peers.length));
  yield gauge(
    "weft_peer_healthy",
    "1 when a handshake or an answer is recent and no two probes in a row were missed.",
    each((peer) => peer.healthy ? 1 : 0),
  );
  yield gauge(
    "weft_peer_channel_open",
    "1 when a channel of the message plane is open.",
    each((peer) => peer.channel === "open" ? 1 : 0),
  );
  yield* pathFamilies(peers, gauge);
  yield gauge(
    "weft_peer_rtt_seconds",
    "The last answered probe, there and back.",
    each((peer) => seconds(peer.rttMs)),
  );
  yield gauge(
    "weft_peer_loss_ratio",
    "Of the last 20 probes, the part without an answer.",
    each((peer) => peer.lossPercent === null ? null : peer.lossPercent / 100),
  );
  yield gauge("weft_peer_failures", "Probes in a row without an answer.", each((peer) => peer.failureCount));
  yield gauge(
    "weft_peer_last_seen_timestamp_seconds",
    "When this node or a leader last heard of it.",
    each((peer) => seconds(peer.lastSeenMs ?? null)),
  );
  yield gauge("weft_peer_health_score", "0, unhealthy, to 100.", each((peer) => peer.score));
  yield gauge(
    "weft_peer_last_handshake_age_seconds",
    "Since the last WireGuard handshake.",
    each((peer) => seconds(peer.lastHandshakeAgeMs)),
  );
  yield counter("weft_peer_received_bytes", "Datagrams from the peer.", each((peer) => peer.rxBytes));
  yield counter("weft_peer_sent_bytes", "Datagrams to the peer.", each((peer) => peer.txBytes));
  yield gauge("weft_services", "That are known, wherever they run.", one(services));
  yield gauge(
    "weft_service_providers",
    "One for each service and who offers it; healthy ones run on a node that answers.",
    by("health", providers),
  );
  yield gauge(
    "weft_calls",
    "Calls that wait for an answer, and calls of others that run here.",
    by("state", calls),
  );
  yield gauge("weft_programs", "Of this machine, that are attached.", one(programs));
  yield counter(
    "weft_service_messages_rejected",
    "Messages about services that could not be read.",
    one(rejected),
  );
  yield gauge(
    "weft_service_adverts_refused",
    "Services and subscriptions of members that the network does not let them offer or hear.",
    one(refused.adverts),
  );
  yield counter(
    "weft_service_events_refused",
    "Events that were not delivered because their publishers may not publish them.",
    one(refused.events),
  );
  yield gauge("weft_open_breakers", "Providers that are spared because they failed.", one(openBreakers));
  yield gauge("weft_held_bytes", "What others make this node hold.", one(memory.usedBytes));
  yield counter("weft_held_refused", "How often others were refused to be held more.", one(memory.refused));
  yield* networkFamilies(networks, gauge, counter);
  if (policy !== undefined) yield* policyFamilies(policy, gauge, counter);
  yield counter(
    "weft_dns",
    "Responses by code, and what was forwarded, refused and dropped by reason.",
    by("kind", dns?.counters ?? {}),
  );
  yield counter(
    "weft_status_requests_refused",
    "Requests beyond the loopback that were refused for their tokens, by reason.",
    by("reason", refusals),
  );
  yield counter("weft_drops", "Datagrams and packets that were dropped, by reason.", by("reason", drops));
  if (status.relay !== undefined) yield* relayFamilies(status.relay, gauge, counter);
}

/** The ways that packets to members take. */
function* pathFamilies(peers: readonly PeerReport[], gauge: Write): Generator<string> {
  const each = (value: (way: PathReport) => number | undefined | null): readonly Sample[] =>
    peers.flatMap(({ name, id, publicKey, way }): Sample[] => {
      const measured = way && value(way);
      return measured === undefined || measured === null ? [] : [[
        { peer: name, id: id ?? publicKey },
        measured,
      ]];
    });
  const marked = (value: (way: PathReport) => Labels | undefined): readonly Sample[] =>
    peers.flatMap(({ name, id, publicKey, way }): Sample[] => {
      const labels = way && value(way);
      return labels === undefined ? [] : [[{ peer: name, id: id ?? publicKey, ...labels }, 1]];
    });
  yield gauge(
    "weft_peer_path",
    "1 for the way that packets to a member take: direct, relay, carrier, channel (none arrive) or none.",
    marked(({ kind, via = "" }) => ({ kind, via })),
  );
  yield gauge(
    "weft_peer_path_problem",
    "1 for the reason for which it is no direct one.",
    marked(({ problem }) => problem && { problem }),
  );
  yield gauge(
    "weft_peer_path_rtt_seconds",
    "The probes of that path, there and back.",
    each(({ rttMs }) => rttMs === null ? null : rttMs / 1000),
  );
  yield gauge(
    "weft_peer_path_mtu_bytes",
    "The longest packet that it carries.",
    each(({ mtuBytes }) => mtuBytes),
  );
  yield gauge("weft_peer_path_standby", "Other paths that answer.", each((way) => way.standbyCount));
}

type Write = (name: string, help: string, samples: readonly Sample[]) => string;

/** What this node carries for others. */
function* relayFamilies(relay: RelayReport, gauge: Write, counter: Write): Generator<string> {
  yield gauge("weft_relay_sessions", "Pairs of members that this node relays for.", [[{}, relay.sessions]]);
  yield counter("weft_relay_datagrams", "Datagrams that were relayed.", [[{}, relay.datagrams]]);
  yield counter("weft_relay_bytes", "Bytes of those.", [[{}, relay.bytes]]);
  const drops = Object.entries(relay.drops).map(([reason, count]): Sample => [{ reason }, count]);
  yield counter("weft_relay_drops", "Datagrams that the relay has dropped, by reason.", drops);
}

/** The policy in force here, and what its rules have decided. */
function* policyFamilies(
  { revision, rules, flows, denied }: PolicyCounters,
  gauge: Write,
  counter: Write,
): Generator<string> {
  const each = (value: (rule: PolicyCounters["rules"][number]) => number): readonly Sample[] =>
    rules.slice(0, MAX_RULES).map((rule) => [{ rule: rule.rule }, value(rule)]);
  yield gauge(
    "weft_policy_enforced",
    "1 for the revision of the policy that is in force here.",
    revision === null ? [] : [[{ revision }, 1]],
  );
  yield gauge("weft_policy_flows", "Flows that are remembered.", [[{}, flows]]);
  yield counter("weft_policy_denied", "Denials since the start.", [[{}, denied]]);
  yield counter(
    "weft_policy_rule_packets",
    "Packets and frames that each of the first 256 rules has decided.",
    each(({ packets }) => packets),
  );
  yield counter("weft_policy_rule_bytes", "Bytes of those.", each(({ bytes }) => bytes));
  yield counter("weft_policy_rule_flows", "New flows, calls and events of each.", each((rule) => rule.flows));
}

/** Overlay networks, and the endpoints of this host. */
function* networkFamilies(
  networks: readonly NetworkReport[],
  gauge: Write,
  counter: Write,
): Generator<string> {
  const own = networks.flatMap(({ endpoints }) => endpoints.filter(({ isLocal }) => isLocal));
  const directions = (of: Labels, [received, sent]: readonly [number, number]): readonly Sample[] => [
    [{ ...of, direction: "in" }, received],
    [{ ...of, direction: "out" }, sent],
  ];
  const ofNetworks = (value: (counts: FrameCountsReport, of: Labels) => readonly Sample[]) =>
    networks.flatMap(({ name, counts }) => counts === undefined ? [] : value(counts, { network: name }));
  const ofEndpoints = (value: (counts: FrameCountsReport, of: Labels) => readonly Sample[]) =>
    own.flatMap(({ network, name, counts }) =>
      counts === undefined ? [] : value(counts, { network, endpoint: name })
    );
  const drops = ({ drops }: FrameCountsReport, of: Labels): readonly Sample[] =>
    Object.entries(drops).map(([reason, count]) => [{ ...of, reason }, count]);
  const frames = ({ framesIn, framesOut }: FrameCountsReport, of: Labels) =>
    directions(of, [framesIn, framesOut]);
  const bytes = ({ bytesIn, bytesOut }: FrameCountsReport, of: Labels) => directions(of, [bytesIn, bytesOut]);
  yield gauge(
    "weft_network_active",
    "1 when an overlay network carries frames.",
    networks.map(({ name, type, identifier, underlay, isActive, problem }) => [
      { network: name, type, identifier: `${identifier}`, underlay },
      isActive && problem === undefined ? 1 : 0,
    ]),
  );
  yield gauge(
    "weft_network_endpoints",
    "Of an overlay network, wherever they are.",
    networks.map(({ name, endpointCount }) => [{ network: name }, endpointCount]),
  );
  yield gauge(
    "weft_endpoint_up",
    "1 when an endpoint of this host carries frames.",
    own.map(({ network, name, state }) => [{ network, endpoint: name }, state === "up" ? 1 : 0]),
  );
  yield counter(
    "weft_network_frames",
    "Frames in, from endpoints of this host, and out, to them.",
    ofNetworks(frames),
  );
  yield counter("weft_network_bytes", "Bytes of those frames.", ofNetworks(bytes));
  yield counter("weft_network_drops", "Frames that were dropped, by reason.", ofNetworks(drops));
  yield counter("weft_endpoint_frames", "The same of one endpoint of this host.", ofEndpoints(frames));
  yield counter("weft_endpoint_bytes", "Bytes of those frames.", ofEndpoints(bytes));
  yield counter("weft_endpoint_drops", "Frames of it that were dropped, by reason.", ofEndpoints(drops));
}

/**
 * OpenMetrics 1.0, "Text format": counters end in `_total`, infos in `_info`, their families do not. Prometheus knows no
 * infos, and calls a family what its samples are called.
 */
function family(
  format: MetricsFormat,
  type: "gauge" | "counter" | "info",
  name: string,
  help: string,
  samples: readonly Sample[],
): string {
  if (samples.length === 0) return "";
  const suffix = type === "counter" ? "_total" : type === "info" ? "_info" : "";
  const lines = samples.map(([labels, value]) => `${name}${suffix}${labelText(labels)} ${value}\n`);
  const isOpen = format === "openmetrics";
  const [familyName, kind] = isOpen ? [name, type] : [name + suffix, type === "info" ? "gauge" : type];
  const [typeLine, helpLine] = [`# TYPE ${familyName} ${kind}\n`, `# HELP ${familyName} ${help}\n`];
  // Prometheus has them in this order.
  return (isOpen ? typeLine + helpLine : helpLine + typeLine) + lines.join("");
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** "ABNF": backslash, quote and line feed are escaped, everything else stands as it is. */
function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
