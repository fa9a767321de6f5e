import assert from "node:assert/strict";
import { sampleStatus } from "../../agent/testing/sample_status.ts";
import { sampleMeasurements } from "../../agent/testing/sample_measurements.ts";
import { SamplePolicies } from "../../agent/testing/sample_policies.ts";
import { metricsText } from "./metrics_text.ts";

const text = metricsText({ status: sampleStatus, measurements: sampleMeasurements }, "openmetrics");
const lines = text.split("\n");
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total"],
  info: ["_info"],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
};

Deno.test("metricsText() shows every peer and drop", () => {
  const id = "00112233445566778899aabbccddeeff";
  const expected = [
    "weft_uptime_seconds 61",
    "weft_members 3",
    "weft_peers 2",
    `weft_peer_healthy{peer="web-1",id="${id}"} 1`,
    `weft_peer_path{peer="web-1",id="${id}",kind="direct",via=""} 1`,
    `weft_peer_path_rtt_seconds{peer="web-1",id="${id}"} 0.00075`,
    `weft_peer_path_mtu_bytes{peer="web-1",id="${id}"} 1420`,
    `weft_peer_path_standby{peer="web-1",id="${id}"} 1`,
    `weft_peer_rtt_seconds{peer="web-1",id="${id}"} 0.00073`,
    `weft_peer_last_handshake_age_seconds{peer="web-1",id="${id}"} 12.345`,
    `weft_peer_received_bytes_total{peer="web-1",id="${id}"} 1234567`,
    'weft_drops_total{reason="replayed"} 3',
    "weft_services 2",
    'weft_service_providers{health="unhealthy"} 1',
    'weft_calls{state="pending"} 3',
    "weft_programs 1",
    "weft_service_messages_rejected_total 4",
    "weft_service_adverts_refused 2",
    "weft_service_events_refused_total 3",
    "weft_open_breakers 0",
    "weft_held_bytes 65536",
    "weft_held_refused_total 2",
    'weft_network_active{network="blue",type="vxlan",identifier="1001",underlay="mesh"} 1',
    'weft_network_endpoints{network="blue"} 1',
    'weft_network_frames_total{network="blue",direction="in"} 7',
    'weft_network_frames_total{network="blue",direction="out"} 9',
    'weft_network_bytes_total{network="blue",direction="out"} 900',
    'weft_network_drops_total{network="blue",reason="unknown-source"} 2',
    'weft_endpoint_up{network="blue",endpoint="web-1"} 1',
    'weft_endpoint_frames_total{network="blue",endpoint="web-1",direction="in"} 7',
    'weft_endpoint_drops_total{network="blue",endpoint="web-1",reason="unknown-source"} 2',
  ];
  for (const line of expected) assert(lines.includes(line), line);
});

Deno.test("metricsText() shows by whom packets go, and why not directly", () => {
  const [peer = assert.fail()] = sampleStatus.peers;
  const way = { kind: "relay", via: "lead", rttMs: null, standbyCount: 0, problem: "nat-varies" } as const;
  const text = metricsText({ status: { ...sampleStatus, peers: [{ ...peer, way }] } }, "prometheus");
  assert.match(text, /^weft_peer_path\{peer="web-1",id="\w+",kind="relay",via="lead"\} 1$/m);
  assert.match(text, /^weft_peer_path_problem\{peer="web-1",id="\w+",problem="nat-varies"\} 1$/m);
  assert.doesNotMatch(text, /weft_peer_path_(rtt|mtu)/);
});

Deno.test("metricsText() shows what a node relays, if it does", () => {
  assert(!text.includes("weft_relay"));
  const relay = { kind: "fast", sessions: 2, datagrams: 30, bytes: 4000, drops: { unbound: 5 } } as const;
  const relaying = metricsText({ status: { ...sampleStatus, relay } }, "openmetrics").split("\n");
  for (
    const line of [
      "weft_relay_sessions 2",
      "weft_relay_datagrams_total 30",
      "weft_relay_bytes_total 4000",
      'weft_relay_drops_total{reason="unbound"} 5',
    ]
  ) assert(relaying.includes(line), line);
});

Deno.test("metricsText() escapes names and leaves out what was never measured", () => {
  const [quoted] = sampleStatus.peers.slice(1);
  assert(
    lines.includes(`weft_peer_healthy{peer="a \\"quoted\\"\\\\\\nname",id="${quoted?.publicKey}"} 0`),
    text,
  );
  assert.equal(lines.filter((line) => line.startsWith("weft_peer_rtt_seconds{")).length, 1);
});

Deno.test("metricsText() keeps the grammar of OpenMetrics", () => {
  assert(text.endsWith("\n# EOF\n"));
  const types = new Map<string, string>();
  for (const line of lines.slice(0, -2)) {
    const type = /^# TYPE (\w+) (gauge|counter|info|histogram)$/.exec(line);
    if (type?.[1] !== undefined) {
      assert(!types.has(type[1]), "a family is declared once");
      types.set(type[1], type[2] ?? "");
    } else if (!line.startsWith("# HELP ")) {
      const sample =
        /^(\w+?)(_total|_info|_bucket|_sum|_count)?(\{(\w+="(\\[\\"n]|[^\\"\n])*",?)+\})? [\d.e+-]+$/.exec(
          line,
        );
      assert(sample, line);
      const suffixes = SUFFIXES[types.get(sample[1] ?? "") ?? ""];
      assert(suffixes?.includes(sample[2] ?? ""), line);
    }
  }
  assert(
    !metricsText({ status: { ...sampleStatus, drops: {}, peers: [] } }, "openmetrics").includes("weft_drops"),
  );
});

Deno.test("metricsText() keeps the grammar of Prometheus: families are called what their samples are", () => {
  const text = metricsText({ status: sampleStatus, measurements: sampleMeasurements }, "prometheus");
  const lines = text.trimEnd().split("\n");
  let family = "";
  const types = new Map<string, string>();
  for (const [i, line] of lines.entries()) {
    const help = /^# HELP (\w+) .+$/.exec(line);
    if (help?.[1] !== undefined) {
      family = help[1];
      const type = new RegExp(`^# TYPE ${family} (gauge|counter|histogram)$`).exec(lines[i + 1] ?? "");
      assert(type?.[1] !== undefined, line);
      types.set(family, type[1]);
    } else if (!line.startsWith("# TYPE ")) {
      const name = line.split(/[{ ]/)[0] ?? "";
      const isIts = types.get(family) === "histogram"
        ? SUFFIXES["histogram"]?.includes(name.slice(family.length))
        : name === family;
      assert(name.startsWith(family) && isIts, line);
    }
  }
  assert.deepEqual([...new Set(types.values())].sort(), ["counter", "gauge", "histogram"]);
  assert(lines.some((line) => line.startsWith('weft_info{version="')));
});

Deno.test("metricsText() shows what rules have decided, and not more of them than 256", async () => {
  const counters = await new SamplePolicies().policyCounters();
  const lines = metricsText({ status: sampleStatus, policy: counters }, "prometheus").split("\n");
  for (
    const line of [
      'weft_policy_enforced{revision="00112233445566ff"} 1',
      "weft_policy_flows 1",
      "weft_policy_denied_total 3",
      'weft_policy_rule_packets_total{rule="web-tier#1"} 7',
      'weft_policy_rule_bytes_total{rule="web-tier#1"} 700',
    ]
  ) assert(lines.includes(line), line);
  const [rule] = counters.rules;
  assert.ok(rule);
  const many = {
    ...counters,
    rules: Array.from({ length: 300 }, (_, at) => ({ ...rule, rule: `a#${at + 1}` })),
  };
  const text = metricsText({ status: sampleStatus, policy: many }, "prometheus");
  assert.equal(text.match(/^weft_policy_rule_packets_total/gm)?.length, 256);
});

Deno.test("metricsText() shows calls by action, side and outcome, and their latency", () => {
  const of = 'side="provider",service="shop/orders",action="create"';
  for (
    const line of [
      `weft_service_calls_total{${of},outcome="OK"} 6`,
      `weft_service_calls_total{${of},outcome="OutOfStock"} 1`,
      'weft_service_calls_total{side="caller",service="other",action="other",outcome="NoProvider"} 8',
      `weft_service_call_duration_seconds_bucket{${of},le="0.5"} 7`,
      `weft_service_call_duration_seconds_bucket{${of},le="10.0"} 7`,
      `weft_service_call_duration_seconds_bucket{${of},le="+Inf"} 8`,
      `weft_service_call_duration_seconds_sum{${of}} 21.5`,
      `weft_service_call_duration_seconds_count{${of}} 8`,
      "weft_events_lost_total 3",
      'weft_handshakes_completed_total{role="responder"} 2',
      'weft_gossip_messages_total{direction="in"} 41',
      "weft_data_collections 2",
      'weft_event_loop_lag_seconds_bucket{le="+Inf"} 8',
      "process_cpu_seconds_total 1.25",
      "process_open_fds 42",
    ]
  ) assert(lines.includes(line), line);
});

Deno.test("metricsText() keeps a path that is made to look like other labels within its own", () => {
  const [call] = sampleMeasurements.calls;
  assert(call);
  const service = 'a",action="b"} 1\nweft_members 9';
  const calls = [{ ...call, service }];
  const text = metricsText(
    { status: sampleStatus, measurements: { ...sampleMeasurements, calls } },
    "prometheus",
  );
  assert(!text.split("\n").includes("weft_members 9"));
  assert(text.includes('service="a\\",action=\\"b\\"} 1\\nweft_members 9",action="create"'), text);
});
