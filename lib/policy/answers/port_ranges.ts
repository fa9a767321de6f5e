/**
 * Sets of ports, as first and last in turn, in order and apart from each other.
 * @module
 */

/** First and last in turn; empty for none. */
export type PortRanges = readonly number[];

/** All ports. */
export const ALL_PORTS: PortRanges = [0, 65_535];

/** @returns what is in one and not in the other */
export function subtractPorts(ranges: PortRanges, others: PortRanges): PortRanges {
  const left: number[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    let from = ranges[i] ?? 0;
    const last = ranges[i + 1] ?? 0;
    for (let j = 0; j < others.length && from <= last; j += 2) {
      const [otherFirst, otherLast] = [others[j] ?? 0, others[j + 1] ?? 0];
      if (otherLast < from) continue;
      if (otherFirst > last) break;
      if (otherFirst > from) left.push(from, otherFirst - 1);
      from = otherLast + 1;
    }
    if (from <= last) left.push(from, last);
  }
  return left;
}

/** @returns `22`, `80-90`, …, one text each */
export function formatPorts(ranges: PortRanges): readonly string[] {
  const texts: string[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    texts.push(ranges[i] === ranges[i + 1] ? `${ranges[i]}` : `${ranges[i]}-${ranges[i + 1]}`);
  }
  return texts;
}
