/**
 * Choosing among those who offer a service.
 * @module
 */

import { type Millis, type RandomSource, randomUint32 } from "../../base/mod.ts";
import type { CallMode } from "../bounds.ts";
import type { PeerId } from "../ports.ts";
import type { Provider } from "../directory/mod.ts";

interface BalancerParts {
  readonly random: RandomSource;
  rttMs(peer: PeerId): number | undefined;
  isHealthy(peer: PeerId): boolean;
}

/** Chooses; one for a node, since it counts whose turn is next. */
export class Balancer {
  readonly #parts: BalancerParts;
  readonly #turns = new Map<string, number>();

  constructor(parts: BalancerParts) {
    this.#parts = parts;
  }

  /**
   * Those who can serve now, whoever seems dead and whoever fails too often last; they are asked only when there is
   * nobody else.
   */
  candidates(providers: readonly Provider[], now: Millis): readonly Provider[] {
    const running = providers.filter(({ service }) => service.state === "running");
    const good = running.filter(({ peer, breaker }) =>
      breaker.state(now) !== "open" && this.#parts.isHealthy(peer)
    );
    return good.length > 0 ? good : running.filter(({ breaker }) => breaker.state(now) !== "open");
  }

  /**
   * @param path whose turn it is
   * @param candidates at least one, in the order of their ids
   * @param mode any but `all`, `local` and `leader`, which are no choice
   * @returns one of them
   */
  choose(path: string, candidates: readonly Provider[], mode: CallMode): Provider | undefined {
    switch (mode) {
      case "random":
        return candidates[randomUint32(this.#parts.random) % candidates.length];
      case "proximity":
        return this.#nearest(candidates);
      default:
        return this.#next(path, candidates);
    }
  }

  /** Forgets whose turn it is at paths that are gone. */
  forget(path: string): void {
    this.#turns.delete(path);
  }

  #next(path: string, candidates: readonly Provider[]): Provider | undefined {
    if (candidates.length === 1) return candidates[0];
    const turn = this.#turns.get(path) ?? 0;
    this.#turns.set(path, turn + 1);
    return candidates[turn % candidates.length];
  }

  /** Unmeasured ones count as far, and the first of equals wins. */
  #nearest(candidates: readonly Provider[]): Provider | undefined {
    let nearest: Provider | undefined;
    let nearestMs = Infinity;
    for (const candidate of candidates) {
      const rttMs = this.#parts.rttMs(candidate.peer) ?? Number.MAX_VALUE;
      if (rttMs < nearestMs) [nearest, nearestMs] = [candidate, rttMs];
    }
    return nearest;
  }
}
