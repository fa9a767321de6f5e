/**
 * What a simulated network does to datagrams.
 * @module
 */

import { randomFraction, type RandomSource } from "../base/mod.ts";

/** How a network treats each datagram, by itself and at random. */
export interface LinkQuality {
  /** Chance that a datagram is lost, 0 to 1; 0 when absent. */
  readonly lossRate?: number;
  /** Chance that a datagram arrives twice, 0 to 1; 0 when absent. */
  readonly duplicationRate?: number;
  /** Chance that a datagram is held back until later ones have passed, 0 to 1; 0 when absent. */
  readonly reorderRate?: number;
  /** Shortest time on the way, milliseconds; 0 when absent. */
  readonly delayMs?: number;
  /** Up to how much longer it takes, evenly spread, milliseconds; 0 when absent. More than 0 reorders too. */
  readonly jitterMs?: number;
}

/** How much longer than the others a datagram takes that is held back. */
const HELD_BACK_MS = 5;

/**
 * Decides the fate of one datagram.
 * @returns after how many milliseconds each copy arrives: none when it is lost, two when it is duplicated
 */
export function drawDelaysMs(quality: LinkQuality, random: RandomSource): number[] {
  if (draws(quality.lossRate, random)) return [];
  const copies = draws(quality.duplicationRate, random) ? 2 : 1;
  return Array.from({ length: copies }, () => {
    const heldBackMs = draws(quality.reorderRate, random) ? HELD_BACK_MS : 0;
    const { delayMs = 0, jitterMs = 0 } = quality;
    return delayMs + heldBackMs + (jitterMs > 0 ? jitterMs * randomFraction(random) : 0);
  });
}

function draws(rate: number | undefined, random: RandomSource): boolean {
  return rate !== undefined && rate > 0 && randomFraction(random) < rate;
}
