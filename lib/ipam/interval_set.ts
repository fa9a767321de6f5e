/**
 * A set of integers that is mostly made of long runs.
 * @module
 */

/** A run of integers, both ends included. */
export interface Interval {
  first: bigint;
  last: bigint;
}

/**
 * Keeps integers as sorted runs that neither overlap nor touch: memory follows the number of runs, a look-up is a
 * binary search, the first missing integer is found at once.
 */
export class IntervalSet {
  readonly #runs: Interval[] = [];
  #size = 0n;

  /** How many integers are in the set. */
  get size(): bigint {
    return this.#size;
  }

  /** Whether `value` is in the set. */
  has(value: bigint): boolean {
    const run = this.#runs[this.#firstRunEndingAt(value)];
    return run !== undefined && run.first <= value;
  }

  /** Adds `value`. @returns false when it was there already */
  add(value: bigint): boolean {
    const at = this.#firstRunEndingAt(value);
    const next = this.#runs[at];
    if (next !== undefined && next.first <= value) return false;
    const previous = this.#runs[at - 1];
    const extendsPrevious = previous !== undefined && previous.last === value - 1n;
    const extendsNext = next !== undefined && next.first === value + 1n;
    if (extendsPrevious && extendsNext) {
      previous.last = next.last;
      this.#runs.splice(at, 1);
    } else if (extendsPrevious) {
      previous.last = value;
    } else if (extendsNext) {
      next.first = value;
    } else {
      this.#runs.splice(at, 0, { first: value, last: value });
    }
    this.#size++;
    return true;
  }

  /** Removes `value`. @returns false when it was not there */
  delete(value: bigint): boolean {
    const at = this.#firstRunEndingAt(value);
    const run = this.#runs[at];
    if (run === undefined || run.first > value) return false;
    if (run.first === run.last) {
      this.#runs.splice(at, 1);
    } else if (run.first === value) {
      run.first++;
    } else if (run.last === value) {
      run.last--;
    } else {
      this.#runs.splice(at, 1, { first: run.first, last: value - 1n }, { first: value + 1n, last: run.last });
    }
    this.#size--;
    return true;
  }

  /** @returns the lowest integer from `start` on that is not in the set */
  firstMissing(start: bigint): bigint {
    const run = this.#runs[this.#firstRunEndingAt(start)];
    return run !== undefined && run.first <= start ? run.last + 1n : start;
  }

  /** @returns the highest integer of the set between `first` and `last`, both included, or undefined */
  highestWithin(first: bigint, last: bigint): bigint | undefined {
    const at = this.#firstRunEndingAt(last);
    const next = this.#runs[at];
    if (next !== undefined && next.first <= last) return last;
    const previous = this.#runs[at - 1];
    return previous !== undefined && previous.last >= first ? previous.last : undefined;
  }

  /**
   * Appends a whole run.
   * @returns false, with the set unchanged, when the run is empty or does not lie above everything in the set
   */
  append(run: Readonly<Interval>): boolean {
    const previous = this.#runs.at(-1);
    if (run.last < run.first || (previous !== undefined && run.first <= previous.last)) return false;
    if (previous !== undefined && run.first === previous.last + 1n) previous.last = run.last;
    else this.#runs.push({ ...run });
    this.#size += run.last - run.first + 1n;
    return true;
  }

  /** @returns the runs in ascending order, as a copy */
  intervals(): readonly Readonly<Interval>[] {
    return this.#runs.map((run) => ({ ...run }));
  }

  /** @returns the index of the first run whose last integer is not below `value` */
  #firstRunEndingAt(value: bigint): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const run = this.#runs[middle];
      if (run !== undefined && run.last < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
