/**
 * Disturbances of a simulated mesh, one after the other, and how soon it agrees again.
 * @module
 */

import { ROUND_MS } from "../mesh/mod.ts";
import type { SimNode } from "./sim_node.ts";
import { Simulation, type SimulationOptions } from "./simulation.ts";

/** How the mesh came through one disturbance. */
export interface PhaseReport {
  readonly name: string;
  /** How many changes there were. */
  readonly changes: number;
  /** From the last disturbance until all members knew the same; null when that never came. */
  readonly convergedMs: number | null;
  /** The same in rounds of anti-entropy. */
  readonly rounds: number | null;
  /** From the first change until then, for each node. */
  readonly messagesPerNode: number;
  readonly bytesPerNode: number;
}

/** How the mesh came through all of them. */
export interface ScenarioReport {
  readonly seed: number;
  readonly nodes: number;
  readonly loss: number;
  readonly phases: readonly PhaseReport[];
  /** Whether all members knew the same at the end of every part, each within its bound. */
  readonly isConverged: boolean;
  /** What some node took for true that must not be, and after which part; none in a sound mesh. */
  readonly violations: readonly string[];
  /** Virtual time altogether. */
  readonly simulatedMs: number;
}

/** What is simulated, and for how long it is split. */
export interface ScenarioOptions extends Omit<SimulationOptions, "conditions" | "onProgress"> {
  readonly loss: number;
  /** How long the network is split. */
  readonly splitMs?: number;
  /** Called with how much of all is done, 0 to 1, and what is under way. */
  readonly onProgress?: (part: number, what: string) => void;
}

/** A change spreads to all nodes within this. */
const CHANGE_BOUND_MS = 10 * ROUND_MS;
/** Whoever was cut off is found again within this: 30 s to notice, then backoffs. */
const RETURN_BOUND_MS = 30 * ROUND_MS;
const HOUR_MS = 3_600_000;
const SETTLE_MS = 2_000;
/** So many are told: one fault shows on every node. */
const MAX_VIOLATIONS = 20;

interface Phase {
  readonly name: string;
  /** Share of the work, for the progress. */
  readonly weight: number;
  readonly boundMs: number;
  /** Disturbs. @returns how many changes there were */
  run(simulation: Simulation, onProgress: (part: number) => void): number;
}

/** Runs all of it. The same options give the same report. */
export function runScenario(options: ScenarioOptions): ScenarioReport {
  const { nodes, seed, loss, splitMs = HOUR_MS, onProgress = () => {} } = options;
  const phases = scenario(nodes, splitMs);
  const total = phases.reduce((sum, { weight }) => sum + weight, PREPARATION_WEIGHT);
  const simulation = new Simulation({
    ...options,
    conditions: { loss },
    onProgress: (part) => onProgress(part * PREPARATION_WEIGHT / total, "making nodes"),
  });
  let done = PREPARATION_WEIGHT;
  const reports: PhaseReport[] = [];
  const violations: string[] = [];
  for (const { name, weight, boundMs, run } of phases) {
    const report = (part: number) => onProgress((done + weight * part) / total, name);
    report(0);
    const before = simulation.traffic;
    const changes = run(simulation, report);
    const convergedMs = simulation.untilConverged(boundMs);
    const { messages, bytes } = simulation.traffic;
    reports.push({
      name,
      changes,
      convergedMs: convergedMs ?? null,
      rounds: convergedMs === undefined ? null : Math.ceil(convergedMs / ROUND_MS),
      messagesPerNode: (messages - before.messages) / nodes,
      bytesPerNode: (bytes - before.bytes) / nodes,
    });
    // Links to whoever was removed are closed soon after.
    simulation.advance(SETTLE_MS);
    violations.push(...simulation.violations(convergedMs !== undefined).map((what) => `${name}: ${what}`));
    done += weight;
  }
  onProgress(1, "done");
  const isConverged = reports.every(({ convergedMs }) => convergedMs !== null);
  return {
    seed,
    nodes,
    loss,
    phases: reports,
    isConverged,
    violations: violations.slice(0, MAX_VIOLATIONS),
    simulatedMs: simulation.nowMs,
  };
}

const PREPARATION_WEIGHT = 10;

function scenario(nodes: number, splitMs: number): readonly Phase[] {
  const tenth = Math.max(1, Math.floor(nodes / 10));
  const many = Math.min(10, tenth);
  const moves = (simulation: Simulation, count: number) => {
    for (let i = 0; i < count; i++) simulation.move(simulation.pick());
    return count;
  };
  const boundMs = CHANGE_BOUND_MS;
  /** Ordinary members, the latest first. */
  const ordinary = (simulation: Simulation) =>
    simulation.members.filter((node) => !simulation.isLeader(node)).toReversed();
  return [
    {
      name: "links open",
      weight: 2,
      boundMs,
      run: (simulation) => {
        simulation.advance(ROUND_MS);
        return 0;
      },
    },
    { name: "one node moves", weight: 1, boundMs, run: (simulation) => moves(simulation, 1) },
    { name: "many move at once", weight: 4, boundMs, run: (simulation) => moves(simulation, many) },
    {
      name: "a node joins",
      weight: 2,
      boundMs,
      run: (simulation) => {
        simulation.admit();
        return 1;
      },
    },
    {
      name: "a node is removed",
      weight: 2,
      boundMs,
      run: (simulation) => {
        simulation.revoke(simulation.members.at(-1) as SimNode);
        return 1;
      },
    },
    {
      name: "many keys change",
      weight: 4,
      boundMs,
      run: (simulation) => {
        const changing = [...simulation.members.slice(0, 1), ...ordinary(simulation).slice(0, many)];
        return changing.filter((node) => simulation.rotate(node)).length;
      },
    },
    {
      name: "removed as keys change",
      weight: 4,
      boundMs: RETURN_BOUND_MS,
      run: (simulation) => {
        // Each side has a leader; what one removes changes its keys at the other.
        simulation.splitBy((index) => index % 2);
        const [a, b] = [0, 1].map((side) =>
          simulation.members.find((node) => node.index % 2 === side && simulation.isLeader(node))
        );
        const gone = ordinary(simulation).filter(({ index }) => index % 2 === 1).slice(
          0,
          Math.max(1, many >> 1),
        );
        let changes = 0;
        for (const [i, node] of gone.entries()) {
          if (a === undefined || b === undefined) break;
          const { id } = node.identity;
          for (let times = 0; times <= i % 3; times++) changes += Number(simulation.rotate(node, b));
          simulation.revoke(node, a, id);
          changes++;
        }
        simulation.advance(2 * ROUND_MS);
        simulation.heal();
        return changes;
      },
    },
    {
      name: "a tenth crashes",
      weight: 4,
      boundMs: RETURN_BOUND_MS,
      run: (simulation) => {
        const crashed = new Set<SimNode>();
        while (crashed.size < tenth) crashed.add(simulation.pick());
        for (const node of crashed) node.crash();
        simulation.advance(ROUND_MS);
        const changes = moves(simulation, Math.min(5, tenth));
        simulation.advance(6 * ROUND_MS);
        for (const node of crashed) node.start();
        return changes;
      },
    },
    {
      name: "clocks an hour off",
      weight: 4,
      boundMs,
      run: (simulation) => {
        const wrong = new Set<SimNode>();
        while (wrong.size < Math.max(2, tenth >> 1)) wrong.add(simulation.pick());
        [...wrong].forEach((node, i) => node.setClock(i % 2 === 0 ? HOUR_MS : -HOUR_MS));
        const changes = moves(simulation, Math.min(3, tenth));
        for (const node of [...wrong].slice(0, 2)) simulation.move(node);
        simulation.advance(2 * ROUND_MS);
        for (const node of wrong) node.setClock(0);
        // What was stated by a clock that was ahead is stated anew, as the agent does.
        for (const node of [...wrong].slice(0, 2)) simulation.move(node);
        return changes + 4;
      },
    },
    {
      name: `split for ${Math.round(splitMs / 60_000)} min`,
      weight: 10 * splitMs / HOUR_MS,
      boundMs: RETURN_BOUND_MS,
      run: (simulation, onProgress) => {
        simulation.split(nodes >> 1);
        const steps = 10;
        for (let i = 0; i < steps; i++) {
          simulation.advance(splitMs / steps);
          moves(simulation, 1);
          onProgress((i + 1) / steps);
        }
        simulation.heal();
        return steps;
      },
    },
  ];
}
