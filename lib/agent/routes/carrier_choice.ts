/**
 * Which of several members carries packets to a network that all of them lead to.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";

/** Another one has to be the better for so long before packets take another way, in milliseconds. */
export const BETTER_FOR_MS = 10_000;
/** Scores that are no further apart say nothing about which is the better. */
export const SCORE_MARGIN = 25;

/** A member that leads there. */
export interface Candidate {
  readonly nodeId: NodeId;
  /** Whether it answers; undefined when nobody has asked it yet. */
  readonly healthy: boolean | undefined;
  /** 0 to 100. */
  readonly score: number;
}

interface Choice {
  nodeId: NodeId;
  /** Another one that is better, and since when it has been. */
  better: { readonly nodeId: NodeId; readonly since: Millis } | undefined;
}

/** Chooses for each network, and remembers what it has chosen. */
export class CarrierChoice {
  readonly #choices = new Map<string, Choice>();

  /**
   * Who does not answer loses the network at once to one that does; a better one, or one that comes first, gets it when it
   * has been that for a while.
   * @param candidates in the order in which the network's key has approved them, on every node alike
   * @returns who carries, or undefined when there is nobody
   */
  choose(now: Millis, network: string, candidates: readonly Candidate[]): NodeId | undefined {
    const best = bestOf(candidates);
    const choice = this.#choices.get(network);
    if (best === undefined) {
      this.#choices.delete(network);
      return undefined;
    }
    const current = candidates.find(({ nodeId }) => nodeId === choice?.nodeId);
    if (choice === undefined || current === undefined || (isAway(current) && !isAway(best))) {
      this.#choices.set(network, { nodeId: best.nodeId, better: undefined });
      return best.nodeId;
    }
    if (best.nodeId === current.nodeId || isAway(best)) choice.better = undefined;
    else if (choice.better?.nodeId !== best.nodeId) choice.better = { nodeId: best.nodeId, since: now };
    else if (now - choice.better.since >= BETTER_FOR_MS) {
      choice.nodeId = best.nodeId;
      choice.better = undefined;
    }
    return choice.nodeId;
  }

  /** Forgets the networks that are none of these. */
  keep(networks: ReadonlySet<string>): void {
    for (const network of this.#choices.keys()) if (!networks.has(network)) this.#choices.delete(network);
  }
}

function bestOf(candidates: readonly Candidate[]): Candidate | undefined {
  let best: Candidate | undefined;
  for (const candidate of candidates) if (best === undefined || isBetter(candidate, best)) best = candidate;
  return best;
}

function isBetter(a: Candidate, b: Candidate): boolean {
  if (isAway(a) !== isAway(b)) return !isAway(a);
  if (a.healthy !== b.healthy && !isAway(a)) return a.healthy === true;
  return a.score > b.score + SCORE_MARGIN;
}

function isAway({ healthy }: Candidate): boolean {
  return healthy === false;
}
