/**
 * How long weft takes to start, to join and to resume, and what it takes of memory when idle.
 * @module
 */

import { Lab, nodeOn, residentBytes, WeftNode } from "../../tests/lab/mod.ts";
import type { Row } from "./samples.ts";

/** Measures `rounds` joins and as many resumptions. */
export async function measureStarts(rounds: number, log: (text: string) => void): Promise<readonly Row[]> {
  await using lab = await Lab.create(["A", "B"]);
  const leader = nodeOn(lab, "A");
  const token = await leader.startLeader();
  const host = lab.host("B");
  const [join, resume, resident]: [number[], number[], number[]] = [[], [], []];
  for (let round = 1; round <= rounds; round++) {
    await using node = new WeftNode(host.namespace, {
      name: `b${round}`,
      stateDir: `${host.folder}/state-${round}`,
    });
    join.push(await timed(() => node.start("--join", token)));
    await node.stop();
    resume.push(await timed(() => node.start("up")));
    resident.push(residentBytes(node.process.pid) / 1e6);
    await node.stop();
    log(
      `round ${round}: joined after ${join.at(-1)?.toFixed(0)} ms, resumed after ${
        resume.at(-1)?.toFixed(0)
      } ms`,
    );
  }
  return [
    { what: "join, from starting the program until it has an address", weft: join, peer: [], unit: "ms" },
    { what: "start-up, from starting the program until it runs again", weft: resume, peer: [], unit: "ms" },
    { what: "resident memory, idle", weft: resident, peer: [], unit: "MB" },
  ];
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return performance.now() - startedAt;
}
