import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { PrivateKey } from "../../lib/crypto/mod.ts";
import { Lab, labTest, PACKET_PLANE, pingMany, processorSeconds, residentBytes } from "../lab/mod.ts";
import type { TransportFlood } from "./wg_fast_flood.ts";
import { carryTcp, startWgPair } from "./wg_fast_pair.ts";

const FLOOD_MS = 1_200;
/** Datagrams of 1,040 bytes a second: half a gigabit. */
const RATE = 60_000;
const GROWTH_BOUND_BYTES = 48 << 20;
/** What an honest flow keeps of its speed; attacker, victim and friend share the processors. */
const SPEED_BOUND = 0.1;
const OUTSIDER = "10.9.0.9";

labTest(
  "weft wg: honest traffic goes on under floods of garbage, unknown sessions and replays, and memory stays",
  [...PACKET_PLANE, "wg", "iperf3"],
  async (test) => {
    await using lab = await Lab.create(["A", "B", "X"]);
    const { a, b } = await startWgPair(lab);
    const { pid } = a.device.process;
    const privateKey = crypto.getRandomValues(new Uint8Array(32));
    const { publicKey } = PrivateKey.fromBytes(privateKey);
    await a.device.setPeer(publicKey.toString(), "allowed-ips", `${OUTSIDER}/32`);
    const honest = () => carryTcp(b, a, ["-t", "1"]);
    await honest();
    const calm = (await honest()).bitsPerSecond;
    say(`calm: ${(calm / 1e6).toFixed(0)} Mbit/s`);

    for (const kind of ["garbage", "unknown", "replayed"] as const) {
      await test.step(kind, async () => {
        const flood: TransportFlood = {
          kind,
          target: `${a.host.address4}:51820`,
          targetPublicKey: a.device.keys.publicKey,
          privateKey: privateKey.toHex(),
          ownAddress: OUTSIDER,
          targetAddress: a.address4,
          milliseconds: FLOOD_MS,
          rate: RATE,
        };
        await using flooder = lab.host("X").namespace.spawn(
          [Deno.execPath(), "run", "--quiet", "-A", "tests/interop/wg_fast_flood.ts", JSON.stringify(flood)],
          { cwd: fileURLToPath(new URL("../../", import.meta.url)), label: `flood: ${kind}` },
        );
        await flooder.until(({ stdout }) => stdout.includes("ready"), 10_000, "it is ready");
        const [residentBefore, secondsBefore] = [residentBytes(pid), processorSeconds(pid)];
        const { rxBytes: outsiderBefore } = await a.device.peer(publicKey.toString());
        const { bitsPerSecond } = await honest();
        assert.ok(await pingMany(b.host, a.address4, 20) >= 19);
        const { code, stdout } = await flooder.finished;
        assert.equal(code, 0, flooder.tail());
        const { sent } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
        const grownBytes = residentBytes(pid) - residentBefore;
        say(
          `${kind}: ${sent} datagrams, ${(bitsPerSecond / 1e6).toFixed(0)} Mbit/s of honest TCP meanwhile, ` +
            `${(processorSeconds(pid) - secondsBefore).toFixed(2)} s of a processor, ` +
            `memory ${(grownBytes / 1e6).toFixed(1)} MB more`,
        );
        assert.ok(sent > RATE * FLOOD_MS / 1000 / 4, `${sent}`);
        assert.ok(bitsPerSecond > SPEED_BOUND * calm, `${bitsPerSecond} of ${calm}`);
        assert.ok(grownBytes < GROWTH_BOUND_BYTES);
        const { rxBytes } = await a.device.peer(publicKey.toString());
        // Of all that was sent, one message counts, and only where it was authentic.
        assert.ok(rxBytes - outsiderBefore <= 1040, `${rxBytes - outsiderBefore}`);
      });
    }
    assert.equal(await pingMany(b.host, a.address4, 20), 20);
  },
);

function say(text: string): void {
  // deno-lint-ignore no-console -- measurements are for whoever reads the run
  console.log(text);
}
