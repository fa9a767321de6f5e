import assert from "node:assert/strict";
import { VirtualClock, VirtualTimers } from "../../base/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { DhtProber } from "./dht_discovery.ts";
import type { ProbeOutcome } from "../links/link_dialer.ts";

const [ANNA, BERT] = ["a", "b"].map((digit) => digit.repeat(32)) as [NodeId, NodeId];

function endpointOf(number: number): Endpoint {
  return Endpoint.parse(`192.0.2.${number}:51820`) ?? assert.fail();
}

/** Members that are missing, and what comes of a probe of each endpoint. */
class ProbedNetwork {
  readonly probes: string[] = [];
  readonly members: string[] = [];
  readonly prober: DhtProber;
  missing: NodeId[] = [ANNA, BERT];
  probing = 0;
  mostProbing = 0;
  readonly #timers = new VirtualTimers(new VirtualClock());

  constructor(open: (nodeId: NodeId, endpoint: string) => ProbeOutcome) {
    this.prober = new DhtProber(this.#timers, {
      missing: () => this.missing,
      probe: async (nodeId, endpoint) => {
        this.probes.push(`${nodeId[0]} ${endpoint}`);
        this.mostProbing = Math.max(this.mostProbing, ++this.probing);
        await Promise.resolve();
        this.probing--;
        return open(nodeId, endpoint.toString());
      },
    }, (nodeId, endpoint) => void this.members.push(`${nodeId[0]} ${endpoint}`));
  }

  async pass(forMs: number): Promise<void> {
    for (let atMs = 0; atMs < forMs; atMs += 100) {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      this.#timers.advance(100);
    }
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.size;
  }
}

Deno.test("DhtProber probes for each missing member until the right one opens, and remembers where", async () => {
  const network = new ProbedNetwork((nodeId) => nodeId === BERT ? "linked" : "refused");
  network.prober.add(endpointOf(1));
  await network.pass(2_000);
  assert.deepEqual(network.probes, ["a 192.0.2.1:51820", "b 192.0.2.1:51820"]);
  assert.deepEqual(network.members, ["b 192.0.2.1:51820"]);
  assert.deepEqual(network.prober.endpointsOf(BERT).map(String), ["192.0.2.1:51820"]);
  assert.deepEqual(network.prober.endpointsOf(ANNA), []);
});

Deno.test("DhtProber leaves an endpoint where nobody listens at once, and probes nowhere when nobody is missing", async () => {
  const network = new ProbedNetwork(() => "nobody");
  network.prober.add(endpointOf(1));
  await network.pass(2_000);
  assert.deepEqual(network.probes, ["a 192.0.2.1:51820"]);
  network.missing = [];
  network.prober.add(endpointOf(2));
  await network.pass(2_000);
  assert.equal(network.probes.length, 1);
});

Deno.test("DhtProber probes at a bounded rate, and a bounded number of endpoints at a time", async () => {
  const network = new ProbedNetwork(() => "refused");
  for (let number = 1; number <= 200; number++) network.prober.add(endpointOf(number));
  await network.pass(1_000);
  assert(network.probes.length <= 3 * 4, `${network.probes.length} probes in a second`);
  assert.equal(network.mostProbing, 4);
  await network.pass(60_000);
  assert.equal(new Set(network.probes).size, network.probes.length);
  assert.equal(network.probes.length, 2 * (32 + 4), "those that wait, and those that are being tried");
});

Deno.test("DhtProber probes one endpoint for at most 16 members", async () => {
  const network = new ProbedNetwork(() => "refused");
  network.missing = Array.from({ length: 40 }, (_, i) => i.toString(16).padStart(32, "0") as NodeId);
  network.prober.add(endpointOf(1));
  await network.pass(60_000);
  assert.equal(network.probes.length, 16);
});

Deno.test("DhtProber probes no more once it is closed, and leaves no timer", async () => {
  const network = new ProbedNetwork(() => "refused");
  for (let number = 1; number <= 8; number++) network.prober.add(endpointOf(number));
  await network.pass(200);
  const before = network.probes.length;
  network.prober.close();
  network.prober.add(endpointOf(9));
  await network.pass(5_000);
  assert.equal(network.probes.length, before);
  assert.equal(network.waiting, 0);
});
