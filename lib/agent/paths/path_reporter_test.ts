import assert from "node:assert/strict";
import { type Millis, millis, unixMillis } from "../../base/mod.ts";
import { PrivateKey } from "../../crypto/mod.ts";
import type { Member, NodeId } from "../../mesh/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { type Candidate, type MemberPaths, PathProber } from "../../path/mod.ts";
import type { Link } from "../links/mod.ts";
import { type OfferedLeg, PathReporter } from "./path_reporter.ts";

const at = (text: string): Endpoint => Endpoint.parse(text) ?? assert.fail(text);
const WEB = at("192.0.2.2:51820");

/** Two members, web and lead, as a node sees them. */
class View {
  now: Millis = millis(1_000);
  readonly prober: PathProber;
  readonly links = new Map<string, Link>();
  readonly upTunnels = new Set<string>();
  legs: readonly OfferedLeg[] = [];
  seen: readonly Endpoint[] = [];
  varies: boolean | undefined;
  isRootless = false;
  hasSession = false;
  #answered = new Set<string>();

  constructor() {
    this.prober = new PathProber({
      privateKey: PrivateKey.fromBytes(new Uint8Array(32).fill(1)),
      wantedBytes: 1_452,
      wall: () => unixMillis(1_700_000_000_000 + this.now),
    });
    for (const [name, fill] of [["web", 2], ["lead", 3]] as const) {
      const { publicKey } = PrivateKey.fromBytes(new Uint8Array(32).fill(fill));
      this.prober.add(this.now, name, publicKey);
    }
  }

  /** A member is said to be somewhere; who `answers` does so at once. */
  candidate(name: string, candidate: Candidate, answers: boolean): this {
    if (answers) this.#answered.add(candidate.endpoint.toString());
    this.prober.setCandidates(this.now, name, `${candidate.kind} ${candidate.endpoint}`, [candidate]);
    this.prober.want(this.now, name);
    this.#answer();
    return this;
  }

  link(name: string, way: Link["way"] = { kind: "direct", endpoint: WEB }): this {
    this.links.set(name, { nodeId: name, way } as unknown as Link);
    return this;
  }

  pass(ms: number): this {
    for (const end = this.now + ms; this.now < end;) {
      this.now = millis(this.now + 50);
      this.prober.handleTimeout(this.now);
      this.#answer();
    }
    return this;
  }

  report(): ReturnType<PathReporter["report"]> {
    return this.reporter().report({
      record: { nodeId: "web", name: "web-1", verifyingKey: new Uint8Array(32) },
      statement: { isRootless: this.isRootless },
    } as unknown as Member, { endpoint: WEB, hasSession: this.hasSession });
  }

  reporter(hasPlane = true): PathReporter {
    return new PathReporter({
      clock: { now: () => this.now },
      roster: {
        get: (
          id: NodeId,
        ) => ({ record: { name: id === "web" as NodeId ? "web-1" : id } } as unknown as Member),
      },
      links: { all: () => this.links.values(), get: (id) => this.links.get(id) },
      paths: hasPlane
        ? {
          own: { seen: () => this.seen, variesByDestination: this.varies },
          of: (id): MemberPaths | undefined => this.prober.paths(id),
        }
        : undefined,
      legs: () => this.legs,
      isTunnelUp: (id) => this.upTunnels.has(id),
      interfaceMtuBytes: 1_420,
    });
  }

  /** The path's own bookkeeping stands in for a member that answers. */
  #answer(): void {
    for (let out = this.prober.pollTransmit(); out !== undefined; out = this.prober.pollTransmit()) {
      const { endpoint, datagram } = out;
      if (!this.#answered.has(endpoint.toString())) continue;
      const counter = Number(new DataView(datagram.buffer, datagram.byteOffset).getBigUint64(12, true));
      for (const name of ["web", "lead"]) {
        this.prober.paths(name)?.handleAnswer(this.now, counter, endpoint);
      }
    }
  }
}

const DIRECT = { endpoint: WEB, kind: "direct" } as const;
const RELAY = { endpoint: at("198.51.100.9:40001"), kind: "relay", via: "lead" } as const;
const STREAM = { endpoint: at("127.0.0.1:40002"), kind: "carrier", via: "lead" } as const;

Deno.test("PathReporter names a direct path, what it measures, and what stands ready", () => {
  const view = new View().candidate("web", RELAY, true).candidate("web", DIRECT, true).pass(500);
  assert.deepEqual(view.report(), {
    kind: "direct",
    endpoint: "192.0.2.2:51820",
    rttMs: 0,
    mtuBytes: 1_420,
    standbyCount: 1,
  });
});

Deno.test("PathReporter names who relays or carries, and why nothing is direct", () => {
  const relayed = new View().link("lead").candidate(
    "lead",
    { ...DIRECT, endpoint: at("198.51.100.9:51820") },
    true,
  )
    .candidate("web", DIRECT, false).candidate("web", RELAY, true).pass(500);
  assert.equal(relayed.report()?.problem, "searching");
  const report = relayed.pass(9_500).report();
  assert.deepEqual([report?.kind, report?.via, report?.endpoint], ["relay", "lead", "198.51.100.9:40001"]);
  assert.equal(report?.problem, "unanswered");
  assert.equal(
    report?.why,
    "web-1 has not answered at its one endpoint for 10 s: a NAT or a firewall is between",
  );
  assert.equal(report?.relayProblem, undefined);
  relayed.varies = true;
  assert.equal(relayed.report()?.problem, "nat-varies");

  const carried = new View().link("lead").candidate(
    "lead",
    { ...DIRECT, endpoint: at("198.51.100.9:51820") },
    false,
  )
    .candidate("web", DIRECT, false).candidate("web", STREAM, true).pass(10_000);
  assert.equal(carried.reporter().reach()?.udp, "silent");
  const stream = carried.report();
  assert.deepEqual([stream?.kind, stream?.via, stream?.endpoint], ["carrier", "lead", undefined]);
  assert.equal(stream?.problem, "udp-silent");
});

Deno.test("PathReporter says that the message plane alone works, and why nobody relays", () => {
  const view = new View().candidate("web", DIRECT, false).pass(10_000);
  const said = () => [view.report()?.kind, view.report()?.relayProblem];
  assert.deepEqual(said(), ["none", "no-link"]);
  view.link("web");
  assert.deepEqual(said(), ["channel", "no-link"]);
  view.link("lead");
  assert.deepEqual(said(), ["channel", "no-relay"]);
  view.legs = [{ via: "lead" as NodeId, isBound: false }];
  assert.deepEqual(said(), ["channel", "relay-silent"]);
  assert.match(view.report()?.why ?? "", /; the relay lead does not answer$/);
  view.link("web", { kind: "relay", via: "lead" as NodeId });
  assert.equal(view.report()?.via, "lead");
});

Deno.test("PathReporter tells what was not tried from what does not answer", () => {
  const view = new View();
  assert.equal(view.report()?.problem, "no-endpoint");
  view.prober.setCandidates(view.now, "web", "stated", [DIRECT]);
  assert.equal(view.report()?.problem, "unused");
  view.isRootless = true;
  assert.equal(view.report()?.problem, "rootless-there");
  assert.equal(view.reporter(false).reach(), undefined);
});

Deno.test("PathReporter takes a tunnel that works for a path, where no probe was ever answered", () => {
  const view = new View().candidate("web", DIRECT, false).pass(10_000);
  assert.equal(view.report()?.kind, "none");
  view.hasSession = true;
  assert.equal(view.report()?.kind, "direct");
  view.hasSession = false;
  view.upTunnels.add("web");
  assert.deepEqual(view.report(), {
    kind: "direct",
    endpoint: "192.0.2.2:51820",
    rttMs: null,
    standbyCount: 0,
  });
  assert.equal(view.link("web").reporter().reach()?.udp, "works");
});

Deno.test("PathReporter says how others see this node", () => {
  const view = new View();
  assert.deepEqual(view.reporter().reach(), { udp: "unknown", mapping: "unknown", seenAt: [] });
  view.varies = false;
  view.seen = [at("203.0.113.7:61001")];
  const { mapping, seenAt } = view.reporter().reach() ?? assert.fail();
  assert.deepEqual([mapping, seenAt], ["same", ["203.0.113.7:61001"]]);
});
