/**
 * What this node carries for others, its policy, and overlay networks.
 * @module
 */

import type { FrameCountsReport, NetworkReport, PolicyCounters, RelayReport } from "../../api/mod.ts";
import { type Exposition, type Labels, type Sample, samplesBy } from "./exposition.ts";

/** Of a policy's rules, the first ones; `weft policy counters` has all of them. */
const MAX_RULES = 256;

/** What this node carries for others. */
export function addRelay(out: Exposition, relay: RelayReport): void {
  out.gauge("weft_relay_sessions", "Pairs of members that this node relays for.", relay.sessions);
  out.counter("weft_relay_datagrams", "Datagrams that were relayed.", relay.datagrams);
  out.counter("weft_relay_bytes", "Bytes of datagrams that were relayed.", relay.bytes);
  const drops = samplesBy("reason", relay.drops);
  out.counter("weft_relay_drops", "Datagrams that the relay has dropped, by reason.", drops);
}

/** The policy in force here, and what its rules have decided. */
export function addPolicy(out: Exposition, { revision, rules, flows, denied }: PolicyCounters): void {
  const each = (value: (rule: PolicyCounters["rules"][number]) => number): readonly Sample[] =>
    rules.slice(0, MAX_RULES).map((rule) => [{ rule: rule.rule }, value(rule)]);
  out.gauge(
    "weft_policy_enforced",
    "1 for the revision of the policy that is in force here.",
    revision === null ? [] : [[{ revision }, 1]],
  );
  out.gauge("weft_policy_flows", "Flows that the policy has let pass and remembers.", flows);
  out.counter("weft_policy_denied", "Packets, frames, calls and events that the policy has denied.", denied);
  out.counter(
    "weft_policy_rule_packets",
    "Packets and frames that each of the first 256 rules has decided.",
    each(({ packets }) => packets),
  );
  out.counter(
    "weft_policy_rule_bytes",
    "Bytes that each of the first 256 rules has decided.",
    each(({ bytes }) => bytes),
  );
  out.counter(
    "weft_policy_rule_flows",
    "New flows, calls and events that each of the first 256 rules has decided.",
    each((rule) => rule.flows),
  );
}

/** Overlay networks, and the endpoints of this host. */
export function addNetworks(out: Exposition, networks: readonly NetworkReport[]): void {
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
  out.gauge(
    "weft_network_active",
    "1 when an overlay network carries frames.",
    networks.map(({ name, type, identifier, underlay, isActive, problem }) => [
      { network: name, type, identifier: `${identifier}`, underlay },
      isActive && problem === undefined ? 1 : 0,
    ]),
  );
  out.gauge(
    "weft_network_endpoints",
    "Endpoints of an overlay network, wherever they are.",
    networks.map(({ name, endpointCount }) => [{ network: name }, endpointCount]),
  );
  out.gauge(
    "weft_endpoint_up",
    "1 when an endpoint of this host carries frames.",
    own.map(({ network, name, state }) => [{ network, endpoint: name }, state === "up" ? 1 : 0]),
  );
  out.counter(
    "weft_network_frames",
    "Frames in, from endpoints of this host, and out, to them.",
    ofNetworks(frames),
  );
  out.counter(
    "weft_network_bytes",
    "Bytes of frames of an overlay network, by direction.",
    ofNetworks(bytes),
  );
  out.counter(
    "weft_network_drops",
    "Frames of an overlay network that were dropped, by reason.",
    ofNetworks(drops),
  );
  out.counter(
    "weft_endpoint_frames",
    "Frames of an endpoint of this host, by direction.",
    ofEndpoints(frames),
  );
  out.counter(
    "weft_endpoint_bytes",
    "Bytes of frames of an endpoint of this host, by direction.",
    ofEndpoints(bytes),
  );
  out.counter(
    "weft_endpoint_drops",
    "Frames of an endpoint of this host that were dropped, by reason.",
    ofEndpoints(drops),
  );
}
