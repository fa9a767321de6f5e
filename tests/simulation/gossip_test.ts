import assert from "node:assert/strict";
import { runScenario, type ScenarioReport } from "../../lib/simulation/mod.ts";

const seed = Number(Deno.env.get("WEFT_SIM_SEED") ?? 7);

function check(report: ScenarioReport, maxRounds: number): void {
  const { phases, nodes, loss } = report;
  const text = phases.map(({ name, convergedMs }) => `${name} ${convergedMs ?? "never"} ms`).join(", ");
  // deno-lint-ignore no-console -- whoever sees this fail needs the seed
  console.log(`WEFT_SIM_SEED=${seed}, ${nodes} nodes, ${loss * 100} % lost: agreed after: ${text}`);
  assert.ok(report.isConverged, text);
  assert.deepEqual(report.violations, []);
  for (const { name, rounds } of phases) {
    const isReturn = ["split", "a tenth", "removed as"].some((begin) => name.startsWith(begin));
    const limit = isReturn ? 30 : maxRounds;
    assert.ok(rounds !== null && rounds <= limit, `${name}: ${rounds} rounds`);
  }
}

Deno.test("Gossip: 1,000 nodes agree within 10 rounds of a change, with 5 % lost", () => {
  check(runScenario({ nodes: 1000, seed, loss: 0.05, splitMs: 60_000 }), 10);
});

Deno.test("Gossip: a network that was split for an hour heals by itself, with 20 % lost", () => {
  check(runScenario({ nodes: 80, seed, loss: 0.2 }), 10);
});

Deno.test("runScenario() gives the same run for the same seed", () => {
  const run = (seed: number) => runScenario({ nodes: 30, seed, loss: 0.1, splitMs: 60_000 });
  assert.deepEqual(run(seed), run(seed));
  assert.notDeepEqual(run(seed), run(seed + 1));
});
