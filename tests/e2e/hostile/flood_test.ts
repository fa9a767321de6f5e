import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { PrivateKey } from "../../../lib/crypto/mod.ts";
import {
  type Host,
  Lab,
  labTest,
  type MeshNode,
  nodeOn,
  PACKET_PLANE,
  pingMany,
  pingOnce,
  residentBytes,
  startMesh,
  untilAllKnowAll,
  waitFor,
  type WeftNode,
} from "../../lab/mod.ts";
import type { Attack, AttackReport } from "./attacker.ts";

/** A million in all. */
const DATAGRAMS = 600_000;
const WARM_UP_DATAGRAMS = 400_000;

/** Room for garbage that the collector has not picked up yet; a leak of 64 bytes a datagram would be as much. */
const GROWTH_BOUND_BYTES = 64 << 20;

const projectRoot = fileURLToPath(new URL("../../../", import.meta.url));

labTest(
  "weft up: a flood of garbage, replays and reflections leaves a node working",
  ["thorough", ...PACKET_PLANE],
  async (test) => {
    await using lab = await Lab.create(["A", "B", "C"]);
    const { nodes, token } = await startMesh(lab, ["A", "B"]);
    const [a, b] = nodes as [MeshNode, MeshNode];
    await untilAllKnowAll(nodes);
    const attackerHost = lab.host("C");
    const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    const privateKey = crypto.getRandomValues(new Uint8Array(32));
    const { publicKey } = PrivateKey.fromBytes(privateKey);
    const added = JSON.parse(
      await a.weft.expectCommand("peer", "add", "attacker", "--public-key", publicKey.toString(), "--json"),
    );
    const attack: Attack = {
      targetPublicKey: (await a.weft.status()).node.publicKey,
      target: `${a.host.address4}:51820`,
      privateKey: privateKey.toHex(),
      ownAddress: added.addresses[0],
      targetAddress: a.address,
      datagrams: DATAGRAMS,
      seed,
    };
    await pingMany(b.host, a.address, 100);
    const strike = (datagrams: number) =>
      runAttack({ ...attack, datagrams }, { target: a.weft, host: attackerHost });
    // The first wave fills caches and lets the heap take its size; what grows afterwards would grow for ever.
    await strike(WARM_UP_DATAGRAMS);
    const before = { status: await a.weft.status(), resident: residentBytes(a.weft.process.pid) };
    const { report, tookMs, peakResident, worstStatusMs } = await strike(DATAGRAMS);
    // deno-lint-ignore no-console -- measurements are for whoever reads the run
    console.log(
      `${DATAGRAMS} datagrams in ${(tookMs / 1000).toFixed(1)} s; resident ${megabytes(before.resident)}, ` +
        `at most ${megabytes(peakResident)}; slowest status ${worstStatusMs.toFixed(0)} ms\n` +
        `answers: ${JSON.stringify(report)}`,
    );

    await test.step("no answer is larger than its question", () => {
      for (const [kind, { sentBytes, receivedBytes }] of Object.entries(report.kinds)) {
        assert(receivedBytes <= sentBytes, `${kind}: ${receivedBytes} bytes for ${sentBytes}`);
      }
      assert.equal(report.kinds.random.receivedBytes, 0, "who does not know the key gets silence");
      assert.equal(report.kinds.truncated.receivedBytes, 0);
      assert(report.tcp.receivedBytes <= report.tcp.sentBytes);
    });

    await test.step("memory stays bounded", () => {
      assert(peakResident - before.resident < GROWTH_BOUND_BYTES, megabytes(peakResident - before.resident));
    });

    await test.step("what was dropped is counted by reason", async () => {
      const drops = Object.entries((await a.weft.status()).drops).map(([reason, count]) =>
        [reason, count - (before.status.drops[reason] ?? 0)] as const
      ).filter(([, count]) => count > 0);
      // deno-lint-ignore no-console -- measurements are for whoever reads the run
      console.log(`drops: ${JSON.stringify(Object.fromEntries(drops))}`);
      const total = drops.reduce((sum, [, count]) => sum + count, 0);
      assert(drops.length >= 4, "random, truncated, flipped and replayed ones fail at different checks");
      assert(total > DATAGRAMS / 50, `only ${total} drops are counted`);
    });

    await test.step("the node works as before", async () => {
      assert.equal(await pingMany(b.host, a.address, 20), 20);
      await b.weft.kill();
      await b.weft.start("up");
      await waitFor(() => pingOnce(b.host, a.address, 1), 15_000, { what: "a new handshake succeeds" });
      const joined = await nodeOn(lab, "C").start("--join", token);
      assert.equal(joined.network.members >= 3, true);
    });
  },
);

/** Lets the attacker loose, and watches the target meanwhile. */
async function runAttack(
  attack: Attack,
  { target, host }: { readonly target: WeftNode; readonly host: Host },
): Promise<{ report: AttackReport; tookMs: number; peakResident: number; worstStatusMs: number }> {
  const program = fileURLToPath(new URL("./attacker.ts", import.meta.url));
  await using attacker = host.namespace.spawn(
    [Deno.execPath(), "run", "--quiet", "-A", program, JSON.stringify(attack)],
    { cwd: projectRoot, label: `attacker with seed ${attack.seed}` },
  );
  let worstStatusMs = 0;
  let peakResident = 0;
  await waitFor(
    async () => {
      const startedAt = performance.now();
      await target.status();
      worstStatusMs = Math.max(worstStatusMs, performance.now() - startedAt);
      peakResident = Math.max(peakResident, residentBytes(target.process.pid));
      return attacker.ended !== undefined;
    },
    150_000,
    { what: "the attack is over", everyMs: 200 },
  );
  const { code, stdout, tookMs } = await attacker.finished;
  assert.equal(code, 0, attacker.tail());
  const report: AttackReport = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  return { report, tookMs, peakResident, worstStatusMs };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
