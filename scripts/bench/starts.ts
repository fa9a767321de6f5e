/**
 * How long weft takes to start, to join and to resume, and what it takes of memory when idle.
 * @module
 */

import { fileURLToPath } from "node:url";
import { expectRun, Lab, nodeOn, residentBytes, WeftNode } from "../../tests/lab/mod.ts";
import { Samples, type Table } from "./samples.ts";

/** A node gives back some seconds after its start what only that needed. */
const SETTLING_MS = 8_000;

/** As users start a checkout: it bundles the sources first, once. */
const LAUNCHER = fileURLToPath(new URL("../../bin/weft", import.meta.url));

/** Measures `rounds` joins and as many resumptions. */
export async function measureStarts(rounds: number, log: (text: string) => void): Promise<Table> {
  await expectRun([LAUNCHER, "--version"]);
  await using lab = await Lab.create(["A", "B"]);
  const leader = nodeOn(lab, "A");
  const token = await leader.startLeader();
  const host = lab.host("B");
  const samples = new Samples(["weft"]);
  const note = (what: string, unit: string, value: number) => samples.add({ what, unit }, "weft", value);
  for (let round = 1; round <= rounds; round++) {
    await using node = new WeftNode(host.namespace, {
      name: `b${round}`,
      program: LAUNCHER,
      stateDir: `${host.folder}/state-${round}`,
    });
    const joinMs = await timed(() => node.start("--join", token));
    note("join, from starting the program until it has an address", "ms", joinMs);
    await node.stop();
    const resumeMs = await timed(() => node.start("up"));
    note("start-up, from starting the program until it runs again", "ms", resumeMs);
    await new Promise((resolve) => setTimeout(resolve, SETTLING_MS));
    note("resident memory of a mesh's node, idle", "MB", residentBytes(node.process.pid) / 1e6);
    await node.stop();
    log(`round ${round}: joined after ${joinMs.toFixed(0)} ms, resumed after ${resumeMs.toFixed(0)} ms`);
  }
  return samples.table;
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return performance.now() - startedAt;
}
