import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  type Host,
  Lab,
  labTest,
  PACKET_PLANE,
  processorSeconds,
  residentBytes,
  WgDevice,
} from "../lab/mod.ts";
import { type Crowd, CROWD_NETWORK, crowdAddress, crowdKeys, type CrowdReport } from "./wg_fast_crowd.ts";

const PEERS = Number(Deno.env.get("WEFT_TEST_PEERS") ?? 1000);
const TARGET_ADDRESS = "10.10.0.1";
/** What the process may grow by: mostly heap that is not collected yet, and code; a leak would show with more peers. */
const CONFIGURED_BOUND_BYTES = 40 << 20;
const LOADED_BOUND_BYTES = 96 << 20;
const BLAST_MS = 500;
/** How much more may be spent when each superpacket is another's; a busy machine makes the two runs differ by itself. */
const SPREAD_BOUND = 1.5;

const projectRoot = fileURLToPath(new URL("../../", import.meta.url));

labTest("a thousand peers share one device of weft wg", [...PACKET_PLANE, "wg"], async (test) => {
  await using lab = await Lab.create(["A", "B"]);
  const [a, b] = [lab.host("A"), lab.host("B")];
  await a.namespace.ip(`route add ${CROWD_NETWORK} via ${b.address4}`);
  await b.namespace.ip(`route add local ${CROWD_NETWORK} dev lo`);
  const addresses = [`${TARGET_ADDRESS}/16`];
  const device = lab.use(
    await WgDevice.start(a.namespace, { implementation: "weft", addresses, port: 51820 }),
  );
  const { pid } = device.process;
  const crowd: Crowd = {
    target: `${a.address4}:51820`,
    targetPublicKey: device.keys.publicKey,
    targetAddress: TARGET_ADDRESS,
    peers: PEERS,
    seed: 7,
    atOnce: 32,
    pingsEach: 3,
  };
  const before = residentBytes(pid);

  await test.step("wg setconf configures them all", async () => {
    const startedAt = performance.now();
    await device.wg("setconf", device.name, await device.file(configuration(device, crowd)));
    assert.equal((await device.peers()).size, PEERS);
    const tookMs = performance.now() - startedAt;
    const grownBytes = residentBytes(pid) - before;
    say(`${PEERS} peers in ${tookMs.toFixed(0)} ms; memory grown by ${(grownBytes / 1e6).toFixed(0)} MB`);
    assert.ok(tookMs < 5_000, `${tookMs} ms`);
    assert.ok(grownBytes < CONFIGURED_BOUND_BYTES, `${grownBytes}`);
  });

  const program = fileURLToPath(new URL("./wg_fast_crowd.ts", import.meta.url));
  const callers = lab.use(
    b.namespace.spawn([Deno.execPath(), "run", "--quiet", "-A", program, JSON.stringify(crowd)], {
      cwd: projectRoot,
      label: "the crowd",
    }),
  );

  await test.step("all shake hands at once, and ping through it", async () => {
    const line = await callers.until(({ stdout }) => /^\{.*\}$/m.exec(stdout)?.[0], 120_000, "it has called");
    const report: CrowdReport = JSON.parse(line);
    const peers = [...(await device.peers()).values()];
    const grownBytes = residentBytes(pid) - before;
    say(
      `handshakes ${report.handshakesMs.toFixed(0)} ms, pings ${report.pingsMs.toFixed(0)} ms, ` +
        `median ${report.medianPingMs.toFixed(1)} ms, p99 ${report.p99PingMs.toFixed(1)} ms; ` +
        `memory ${(residentBytes(pid) / 1e6).toFixed(0)} MB, grown by ${(grownBytes / 1e6).toFixed(0)} MB`,
    );
    assert.equal(report.sessions, PEERS);
    assert.equal(report.answered, PEERS * crowd.pingsEach);
    assert.ok(
      peers.every(({ latestHandshake, rxBytes, txBytes }) =>
        latestHandshake > 0 && rxBytes > 0 && txBytes > 0
      ),
    );
    assert.ok(grownBytes < LOADED_BOUND_BYTES, `${grownBytes}`);
  });

  await test.step("traffic to all of them is about as fast as traffic to one", async () => {
    const sent = async () =>
      [...(await device.peers()).values()].reduce((sum, { txBytes }) => sum + txBytes, 0);
    const costs: Record<string, number> = {};
    for (const [who, spread] of [["warm-up", PEERS], ["one", 1], ["all", PEERS]] as const) {
      const [before, secondsBefore] = [await sent(), processorSeconds(pid)];
      await blast(a, spread);
      const gigabytes = (await sent() - before) / 1e9;
      const cost = costs[who] = (processorSeconds(pid) - secondsBefore) / gigabytes;
      const gigabits = gigabytes * 8 / BLAST_MS * 1000;
      say(`to ${who}: ${gigabits.toFixed(2)} Gbit/s, ${cost.toFixed(2)} s of a processor for a gigabyte`);
    }
    const { one = 0, all = Infinity } = costs;
    assert.ok(all < SPREAD_BOUND * one, `${all} and ${one} s for a gigabyte`);
  });
});

/** What `wg setconf` reads. */
function configuration({ keys }: WgDevice, crowd: Crowd): string {
  const lines = ["[Interface]", `PrivateKey = ${keys.privateKey}`, "ListenPort = 51820"];
  for (const [i, key] of crowdKeys(crowd).entries()) {
    lines.push("[Peer]", `PublicKey = ${key.publicKey}`, `AllowedIPs = ${crowdAddress(i)}/32`);
  }
  return lines.join("\n") + "\n";
}

/** Sends to `spread` peers in turn, for `BLAST_MS`. */
async function blast({ namespace }: Host, spread: number): Promise<void> {
  const addresses = Array.from({ length: spread }, (_, i) => crowdAddress(i));
  await namespace.expectRun(
    [
      Deno.execPath(),
      "run",
      "--quiet",
      "-A",
      "tests/interop/wg_fast_blast.ts",
      TARGET_ADDRESS,
      `${BLAST_MS}`,
      ...addresses,
    ],
    { cwd: projectRoot },
  );
}

function say(text: string): void {
  // deno-lint-ignore no-console -- measurements are for whoever reads the run
  console.log(text);
}
