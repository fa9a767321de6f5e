/**
 * A TCP flow through the mesh while one of its ends changes its network.
 * @module
 */

import { Internet, longestGap } from "../../../tests/lab/mod.ts";
import { firstLine } from "./cell.ts";
import { type Contender, HOST_NAMES } from "./contenders.ts";
import type { Journey } from "./journeys.ts";

/** A journey, and the longest time for which each contender's flow stood still, in milliseconds. */
export interface RoamingCell {
  readonly journey: Journey;
  /** Undefined when it did not go on within the bound. */
  readonly results: Record<string, { readonly sendingMs?: number; readonly receivingMs?: number }>;
}

const BOUND_MS = 8_000;

/** Measures all contenders on a journey, each in an Internet of its own. */
export async function measureJourney(
  journey: Journey,
  contenders: readonly Contender[],
  log: (text: string) => void,
): Promise<RoamingCell> {
  const results: RoamingCell["results"] = {};
  for (const contender of contenders) {
    const { from, partner } = journey;
    const internet = await Internet.of({ hub: "open", a: from, b: partner });
    try {
      results[contender.name] = await travel(internet, contender, journey);
    } catch (error) {
      log(`${contender.name}: ${firstLine(error)}`);
      results[contender.name] = {};
    } finally {
      await internet[Symbol.asyncDispose]();
    }
  }
  return { journey, results };
}

/** First the traveller only receives, on the way there; then it sends, on the way back. */
async function travel(
  internet: Internet,
  contender: Contender,
  journey: Journey,
): Promise<{ sendingMs?: number; receivingMs?: number }> {
  const { a, b } = await contender.open(internet);
  const home = internet.host(HOST_NAMES.a).network;
  const abroad = await internet.network(journey.to);
  const there = await longestGap(b, a, BOUND_MS, () => a.host.moveTo(abroad));
  if (home === undefined) return {};
  const back = await longestGap(a, b, BOUND_MS, () => a.host.moveTo(home));
  return {
    ...there === undefined ? {} : { receivingMs: there },
    ...back === undefined ? {} : { sendingMs: back },
  };
}
