import assert from "node:assert/strict";
import type { PathReport, ReachReport } from "../../../api/mod.ts";
import { sampleStatus } from "../../testing/sample_ports.ts";
import type { Finding } from "../finding.ts";
import { pathFindings } from "./path_findings.ts";

const { node, dataplane } = sampleStatus;
const works: ReachReport = { udp: "works", mapping: "same", seenAt: ["203.0.113.7:61001"] };
const direct: PathReport = { kind: "direct", rttMs: 3, mtuBytes: 1420, standbyCount: 0 };

function find(ways: readonly PathReport[], reach: Partial<ReachReport> = {}): ReadonlyMap<string, Finding> {
  const [peer = assert.fail()] = sampleStatus.peers;
  const peers = ways.map((way, i) => ({ ...peer, name: `web-${i + 1}`, way }));
  return pathFindings({ node, dataplane, peers, reach: { ...works, ...reach } });
}

function problem(findings: ReadonlyMap<string, Finding>, name: string): { detail: string; hint: string } {
  const finding = findings.get(name);
  return finding?.kind === "problem" ? finding : assert.fail(JSON.stringify([...findings]));
}

Deno.test("pathFindings() finds nothing wrong with direct paths, relays and streams", () => {
  const findings = find([direct, { ...direct, kind: "relay", problem: "unanswered" }]);
  assert.deepEqual([...findings.values()].map(({ kind }) => kind), ["ok", "ok", "ok"]);
  assert.match(findings.get("path MTU")?.detail ?? "", /^every path carries the packets of 1420 bytes/);
  assert.match(findings.get("UDP")?.detail ?? "", /see this node at 203\.0\.113\.7:61001$/);
  assert.equal(findings.get("paths")?.detail, "paths to members: 1 direct, 1 by relays");
  assert.equal(pathFindings({ node, dataplane, peers: [] }).size, 0, "a node without a packet plane");
});

Deno.test("pathFindings() says what blocks datagrams, and what would help", () => {
  const udp = problem(
    find([{ ...direct, kind: "carrier", problem: "udp-silent" }], { udp: "silent" }),
    "UDP",
  );
  assert.match(udp.hint, /from port 51820/);
  const varies = find([{ ...direct, kind: "relay", problem: "nat-varies" }], { mapping: "varies" });
  assert.match(problem(varies, "NAT").detail, /no direct path to web-1 was found$/);
  assert.match(problem(varies, "NAT").hint, /`weft config set endpoint ADDRESS:51820`/);
  assert.equal(find([direct], { mapping: "varies" }).get("NAT")?.kind, "ok");
});

Deno.test("pathFindings() says who is not reached, and who should relay", () => {
  const lost = { kind: "channel", rttMs: null, standbyCount: 0, problem: "unanswered" } as const;
  const way: PathReport = { ...lost, relayProblem: "no-relay", why: "nobody relays" };
  assert.match(problem(find([direct, way]), "paths").detail, /^packets do not reach web-2: nobody relays$/);
  assert.equal(find([{ ...way, kind: "none" }]).get("paths")?.kind, "ok", "it may be switched off");
  assert.equal(find([{ ...way, problem: "searching" }]).get("paths")?.kind, "ok");
  assert.match(problem(find([way]), "paths").hint, /`weft config set relay on`/);
  assert.match(problem(find([{ ...way, relayProblem: "relay-silent" }]), "paths").hint, /--relay-ports/);
});

Deno.test("pathFindings() finds paths that are too narrow for IPv6", () => {
  const narrow = { ...direct, mtuBytes: 1_232 };
  assert.match(problem(find([direct, narrow]), "path MTU").detail, /to web-2, carries packets of 1232 bytes/);
  assert.equal(find([{ ...direct, mtuBytes: 1_280 }]).get("path MTU")?.kind, "ok");
});
