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
import {
  PEER_NETWORK,
  peerAddress,
  peerKeys,
  type PeerLoad,
  type PeerLoadReport,
} from "./wg_fast_many_peers.ts";

const PEERS = Number(Deno.env.get("WEFT_TEST_PEERS") ?? 1000);
const TARGET_ADDRESS = "10.10.0.1";
/** What the process may grow by: mostly heap that is not collected yet, and code; a leak would show with more peers. */
const CONFIGURED_BOUND_BYTES = 40 << 20;
const LOADED_BOUND_BYTES = 96 << 20;
const SEND_MS = 500;
/** How much more may be spent when each superpacket is another's; a busy machine makes the two runs differ by itself. */
const SPREAD_BOUND = 1.5;
/** How often both are measured, on a machine that is busy. */
const MAX_PAIRS = 3;

const projectRoot = fileURLToPath(new URL("../../", import.meta.url));

labTest("weft wg serves a thousand peers on one device", [...PACKET_PLANE, "wg"], async (test) => {
  await using lab = await Lab.create(["A", "B"]);
  const [a, b] = [lab.host("A"), lab.host("B")];
  await a.namespace.ip(`route add ${PEER_NETWORK} via ${b.address4}`);
  await b.namespace.ip(`route add local ${PEER_NETWORK} dev lo`);
  const addresses = [`${TARGET_ADDRESS}/16`];
  const device = lab.use(
    await WgDevice.start(a.namespace, { implementation: "weft", addresses, port: 51820 }),
  );
  const { pid } = device.process;
  const load: PeerLoad = {
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
    await device.wg("setconf", device.name, await device.file(configuration(device, load)));
    assert.equal((await device.peers()).size, PEERS);
    const tookMs = performance.now() - startedAt;
    const grownBytes = residentBytes(pid) - before;
    say(`${PEERS} peers in ${tookMs.toFixed(0)} ms; memory grown by ${(grownBytes / 1e6).toFixed(0)} MB`);
    assert.ok(tookMs < 5_000, `${tookMs} ms`);
    assert.ok(grownBytes < CONFIGURED_BOUND_BYTES, `${grownBytes}`);
  });

  const program = fileURLToPath(new URL("./wg_fast_many_peers.ts", import.meta.url));
  const callers = lab.use(
    b.namespace.spawn([Deno.execPath(), "run", "--quiet", "-A", program, JSON.stringify(load)], {
      cwd: projectRoot,
      label: "the peers",
    }),
  );

  await test.step("all shake hands at once, and ping through it", async () => {
    const line = await callers.until(({ stdout }) => /^\{.*\}$/m.exec(stdout)?.[0], 120_000, "it has pinged");
    const report: PeerLoadReport = JSON.parse(line);
    const peers = [...(await device.peers()).values()];
    const grownBytes = residentBytes(pid) - before;
    say(
      `handshakes ${report.handshakesMs.toFixed(0)} ms, pings ${report.pingsMs.toFixed(0)} ms, ` +
        `median ${report.medianPingMs.toFixed(1)} ms, p99 ${report.p99PingMs.toFixed(1)} ms; ` +
        `memory ${(residentBytes(pid) / 1e6).toFixed(0)} MB, grown by ${(grownBytes / 1e6).toFixed(0)} MB`,
    );
    assert.equal(report.sessions, PEERS);
    assert.equal(report.answered, PEERS * load.pingsEach);
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
    const measure = async (who: string, spread: number): Promise<number> => {
      const [before, secondsBefore] = [await sent(), processorSeconds(pid)];
      await sendGso(a, spread);
      const gigabytes = (await sent() - before) / 1e9;
      const cost = (processorSeconds(pid) - secondsBefore) / gigabytes;
      const gigabits = gigabytes * 8 / SEND_MS * 1000;
      say(`to ${who}: ${gigabits.toFixed(2)} Gbit/s, ${cost.toFixed(2)} s of a processor for a gigabyte`);
      return cost;
    };
    await measure("warm-up", PEERS);
    let [one, all] = [Infinity, Infinity];
    // Whoever else uses the processor and its caches makes either dearer, and none cheaper.
    for (let pair = 0; pair < MAX_PAIRS && (pair === 0 || all >= SPREAD_BOUND * one); pair++) {
      one = Math.min(one, await measure("one", 1));
      all = Math.min(all, await measure("all", PEERS));
    }
    assert.ok(all < SPREAD_BOUND * one, `${all} and ${one} s for a gigabyte`);
  });
});

/** What `wg setconf` reads. */
function configuration({ keys }: WgDevice, load: PeerLoad): string {
  const lines = ["[Interface]", `PrivateKey = ${keys.privateKey}`, "ListenPort = 51820"];
  for (const [i, key] of peerKeys(load).entries()) {
    lines.push("[Peer]", `PublicKey = ${key.publicKey}`, `AllowedIPs = ${peerAddress(i)}/32`);
  }
  return lines.join("\n") + "\n";
}

/** Sends to `spread` peers in turn, for `SEND_MS`. */
async function sendGso({ namespace }: Host, spread: number): Promise<void> {
  const addresses = Array.from({ length: spread }, (_, i) => peerAddress(i));
  await namespace.expectRun(
    [
      Deno.execPath(),
      "run",
      "--quiet",
      "-A",
      "tests/interop/gso_sender.ts",
      TARGET_ADDRESS,
      `${SEND_MS}`,
      ...addresses,
    ],
    { cwd: projectRoot },
  );
}

function say(text: string): void {
  // deno-lint-ignore no-console -- measurements are for whoever reads the run
  console.log(text);
}
