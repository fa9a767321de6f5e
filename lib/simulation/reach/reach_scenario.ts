/**
 * How soon pairs of places reach each other: what `weft sim --reach` runs, and what it found.
 * @module
 */

import { hasDirectPath, PLACE_KINDS, type PlaceKind } from "./places.ts";
import { describePair, type NodePair, ReachSimulation } from "./reach_simulation.ts";

/** What is simulated. */
export interface ReachScenario {
  /** How many nodes, besides two leaders that relay. */
  readonly nodes: number;
  readonly seed: number;
  /** The part of datagrams that is lost, 0 to 1. */
  readonly loss: number;
  /** Called with how much of all is done, 0 to 1, and what is under way. */
  readonly onProgress?: (part: number, what: string) => void;
}

/** What came of the pairs of two kinds. */
export interface KindReport {
  readonly kinds: readonly [PlaceKind, PlaceKind];
  readonly pairs: number;
  /** Those that have a path at the end. */
  readonly connected: number;
  /** Of these, those whose path is direct; the others go by a relay. */
  readonly direct: number;
  /** Whether theory allows a direct one. */
  readonly mayBeDirect: boolean;
  /** Of the slowest pair, in virtual milliseconds; null where none has one. */
  readonly slowestFirstMs: number | null;
  readonly slowestDirectMs: number | null;
}

/** What came of all. */
export interface ReachReport {
  readonly nodes: number;
  readonly seed: number;
  readonly loss: number;
  readonly pairs: number;
  readonly simulatedMs: number;
  readonly kinds: readonly KindReport[];
  /** Pairs without a path, and those without a direct one where theory allows one; 20 of them at most. */
  readonly failures: readonly string[];
  readonly isConnected: boolean;
}

/** So long pairs use each other. */
const USE_MS = 10_000;
const STEP_MS = 500;
/** Making the nodes is about so much of the work. */
const PREPARATION_PART = 0.3;
const MAX_FAILURES = 20;

/** Runs all of it. The same options give the same report. */
export function runReach({ nodes, seed, loss, onProgress = () => {} }: ReachScenario): ReachReport {
  onProgress(0, "making nodes");
  const simulation = new ReachSimulation({ nodes, seed, loss });
  const { pairs, internet } = simulation;
  simulation.begin();
  for (let passed = 0; passed < USE_MS; passed += STEP_MS) {
    onProgress(PREPARATION_PART + (1 - PREPARATION_PART) * passed / USE_MS, "looking for paths");
    simulation.use(pairs, STEP_MS);
  }
  onProgress(1, "done");
  const failures = pairs.flatMap((pair) => failureOf(simulation, pair));
  return {
    nodes,
    seed,
    loss,
    pairs: pairs.length,
    simulatedMs: internet.clock.now(),
    kinds: kindPairs().map((kinds) => reportOf(simulation, kinds)).filter((report) => report.pairs > 0),
    failures: failures.slice(0, MAX_FAILURES),
    isConnected: failures.length === 0,
  };
}

/** Each kind with itself and with those after it. */
function kindPairs(): (readonly [PlaceKind, PlaceKind])[] {
  return PLACE_KINDS.flatMap((a, i) => PLACE_KINDS.slice(i).map((b) => [a, b] as const));
}

function reportOf(simulation: ReachSimulation, kinds: readonly [PlaceKind, PlaceKind]): KindReport {
  const [one, other] = kinds;
  const those = simulation.pairs.filter(({ a, b }) =>
    (a.kind === one && b.kind === other) || (a.kind === other && b.kind === one)
  );
  const paths = those.map((pair) => chosenKind(pair));
  return {
    kinds,
    pairs: those.length,
    connected: paths.filter((kind) => kind !== undefined).length,
    direct: paths.filter((kind) => kind === "direct").length,
    mayBeDirect: hasDirectPath(one, other),
    slowestFirstMs: slowest(those.map((pair) => simulation.firstPathMs(pair))),
    slowestDirectMs: slowest(those.map((pair) => simulation.directPathMs(pair))),
  };
}

function slowest(times: readonly (number | undefined)[]): number | null {
  const known = times.filter((ms) => ms !== undefined);
  return known.length === 0 ? null : Math.max(...known);
}

/** Of the path that the plane was told to use. */
function chosenKind({ a, b }: NodePair): string | undefined {
  return a.chosen.has(b.id) ? a.watch.prober.paths(b.id)?.chosen?.kind : undefined;
}

function failureOf(simulation: ReachSimulation, pair: NodePair): string[] {
  const kind = chosenKind(pair);
  if (kind === undefined) return [`${describePair(pair)} have no path`];
  const mayBeDirect = hasDirectPath(pair.a.kind, pair.b.kind);
  if (kind !== "direct" && mayBeDirect) return [`${describePair(pair)} have no direct path`];
  if (simulation.directPathMs(pair) !== undefined && !mayBeDirect) {
    return [`${describePair(pair)} have a path that no such NATs let through`];
  }
  return [];
}
