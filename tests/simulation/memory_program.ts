/**
 * Prints how many bytes of memory a simulation takes for each of its nodes; arguments are two numbers of nodes. Needs
 * `--v8-flags=--expose-gc`.
 * @module
 */

import { Simulation } from "../../lib/simulation/mod.ts";

const { gc } = globalThis as unknown as { gc(): void };

function usedBytes(): number {
  gc();
  gc();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

function bytesPerNode(nodes: number): number {
  const before = usedBytes();
  const simulation = new Simulation({ nodes, seed: 3 });
  simulation.advance(10_000);
  for (let i = 0; i < 10; i++) simulation.move(simulation.pick());
  simulation.admit();
  const agreedMs = simulation.untilConverged(60_000);
  const used = (usedBytes() - before) / nodes;
  if (agreedMs === undefined || simulation.nodes.length !== nodes + 1) {
    throw new Error("The nodes did not agree");
  }
  return used;
}

// deno-lint-ignore no-console -- whoever started this reads it
console.log(JSON.stringify(Deno.args.map((count) => Math.round(bytesPerNode(Number(count))))));
