/**
 * A network that falls apart.
 * @module
 */

import type { Host } from "./lab.ts";

/**
 * Lets no packet pass between two groups of hosts, over either family, until `heal`.
 * @returns what heals it
 */
export async function split(
  left: readonly Host[],
  right: readonly Host[],
): Promise<{ heal(): Promise<void> }> {
  await change("add", left, right);
  return { heal: () => change("del", left, right) };
}

async function change(what: "add" | "del", left: readonly Host[], right: readonly Host[]): Promise<void> {
  const ways = left.flatMap((a) => right.flatMap((b) => [[a, b], [b, a]] as const));
  await Promise.all(ways.map(async ([from, to]) => {
    // A longer prefix than that of the switch.
    await from.namespace.ip(
      `route ${what} blackhole ${to.address4}/32`,
      `-6 route ${what} blackhole ${to.address6}/128`,
    );
  }));
}
