import assert from "node:assert/strict";
import { Lab, labTest, PACKET_PLANE, pause, processorSeconds } from "../lab/mod.ts";
import { carryTcp, startWgPair } from "./wg_fast_pair.ts";

const WATCHED_MS = 5_000;
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
    const before = pids.map(processorSeconds);
    await pause(WATCHED_MS);
    const shares = pids.map((pid, i) => (processorSeconds(pid) - (before[i] ?? 0)) / (WATCHED_MS / 1000));
    // deno-lint-ignore no-console -- a measurement for the log
    console.log(`idle: ${shares.map((share) => `${(share * 100).toFixed(1)} %`).join(" and ")} of a core`);
    for (const share of shares) assert.ok(share < IDLE_BOUND, `${share}`);
  },
);
