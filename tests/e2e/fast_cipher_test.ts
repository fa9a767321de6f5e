import assert from "node:assert/strict";
import type { StatusReport } from "../../lib/api/mod.ts";
import {
  Lab,
  labTest,
  measureThroughput,
  nodeOn,
  PACKET_PLANE,
  pingMany,
  pingOnce,
  waitFor,
} from "../lab/mod.ts";

const BASELINE = "baseline cipher";
/** Any of what `auto` may choose, by what the machine can do. */
const CIPHERS = /^(native AVX-512|native AVX2|baseline) cipher$/;

labTest(
  "a node names its cipher, --cipher chooses it, and all understand each other",
  [...PACKET_PLANE, "iperf3"],
  async () => {
    await using lab = await Lab.create(["A", "B", "C"]);
    const leader = nodeOn(lab, "A", { args: ["--dataplane", "fast"] });
    const token = await leader.startLeader();
    const baseline = nodeOn(lab, "B", {
      args: ["--dataplane", "fast", "--cipher", "baseline", "--workers", "2"],
    });
    const second = await baseline.start("--join", token);
    const noble = nodeOn(lab, "C", { args: ["--dataplane", "fast", "--cipher", "noble"] });
    const third = await noble.start("--join", token);
    const first: StatusReport = JSON.parse(await leader.expectCommand("status", "--json"));

    // The network of the lab takes GSO and gives GRO batches; older hosts have no superpackets of UDP.
    for (const name of ["tso", "gso", "gro"]) assert.ok(first.dataplane.offloads?.includes(name), name);
    assert.equal(second.dataplane.aead, BASELINE);
    // All that follows goes between one and two of them.
    assert.deepEqual([first.dataplane.workers, second.dataplane.workers], [1, 2]);
    assert.equal(third.dataplane.aead, "plain, noble");
    assert.match(first.dataplane.aead ?? "", CIPHERS);
    // deno-lint-ignore no-console -- a measurement for the log
    console.log(`here a node runs the ${first.dataplane.aead}`);

    const ends = [first, second, third].map(({ dataplane, node: { addresses: [address = ""] } }, i) => {
      assert.equal(dataplane.kind, "fast");
      return { host: lab.host(["A", "B", "C"][i] ?? ""), address };
    });
    for (const from of ends) {
      for (const to of ends.filter((other) => other !== from)) {
        await waitFor(() => pingOnce(from.host, to.address, 1), 10_000, { what: "they know each other" });
        // One may fall into the renewal of a session that both have begun.
        assert.ok(await pingMany(from.host, to.address, 5) >= 4);
        const server = { place: to.host.namespace, address: to.address };
        const { bytes } = await measureThroughput(from.host.namespace, server, ["-n", "10M"]);
        assert.ok(bytes > 5e6);
      }
    }
  },
);
