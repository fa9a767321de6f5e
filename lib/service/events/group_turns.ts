/**
 * Turns of the subscribers of a group, of whom one gets each event.
 * @module
 */

/** The most groups whose turns are remembered: a group that has none begins with its first subscriber. */
const MAX_GROUPS = 1_024;

/**
 * Whose turn it is, for each group apart: with one count for all, the groups of a topic would take turns among
 * themselves, and each might come to the same subscriber again and again.
 */
export class GroupTurns {
  readonly #turns = new Map<string, number>();

  /** @param count how many subscribers there are, 1 or more @returns which of them gets the next event, from 0 */
  next(group: string, count: number): number {
    const turn = (this.#turns.get(group) ?? 0) % count;
    // The group that has had no event for the longest time is the first to go.
    this.#turns.delete(group);
    this.#turns.set(group, turn + 1);
    if (this.#turns.size > MAX_GROUPS) {
      for (const oldest of this.#turns.keys()) {
        this.#turns.delete(oldest);
        break;
      }
    }
    return turn;
  }
}
