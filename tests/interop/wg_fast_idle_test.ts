import assert from "node:assert/strict";
import { Lab, labTest, PACKET_PLANE, pause, processorSeconds } from "../lab/mod.ts";
import { carryTcp, startWgPair } from "./wg_fast_pair.ts";

const WATCHED_MS = 4_000;
/** What is done once is over by then, however slow the machine is; what is done again and again is in each of them. */
const MAX_LOOKS = 5;
/** Of one core. */
const IDLE_BOUND = 0.02;

labTest(
  "weft wg: an idle pair uses no processor, also after load",
  [...PACKET_PLANE, "wg", "iperf3"],
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const { a, b } = await startWgPair(lab);
    await carryTcp(a, b, ["-t", "1"]);
    // The runtime's compilers and collectors finish what the load has begun.
    await pause(1_000);
    const pids = [a, b].map(({ device }) => device.process.pid);
    // Of each process the quietest look: some seconds after its start it collects garbage and gives memory back, and on a
    // busy machine that comes late.
    const least = pids.map(() => Infinity);
    for (let look = 0; look < MAX_LOOKS && least.some((share) => share >= IDLE_BOUND); look++) {
      const before = pids.map(processorSeconds);
      await pause(WATCHED_MS);
      for (const [i, pid] of pids.entries()) {
        const share = (processorSeconds(pid) - (before[i] ?? 0)) / (WATCHED_MS / 1000);
        least[i] = Math.min(least[i] ?? Infinity, share);
      }
    }
    // deno-lint-ignore no-console -- a measurement for the log
    console.log(`idle: ${least.map((share) => `${(share * 100).toFixed(1)} %`).join(" and ")} of a core`);
    for (const share of least) assert.ok(share < IDLE_BOUND, `${share}`);
  },
);
