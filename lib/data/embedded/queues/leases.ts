/**
 * Who has which messages of a queue, and until when, by a clock that does not jump.
 * @module
 */

import type { MessageHead } from "./message_table.ts";

/** One message that a holder has. */
export interface Lease {
  readonly message: MessageHead;
  readonly holder: string;
  /** Names the delivery. */
  readonly name: string;
  until: number;
  /** However often it is renewed. */
  readonly untilAtMost: number;
}

/** @returns the name of a message's delivery, of which each has another */
export function leaseName({ number, deliveries }: Pick<MessageHead, "number" | "deliveries">): string {
  return `${number}-${deliveries}`;
}

/** The leases of one queue, in memory. */
export class Leases {
  readonly #leases = new Map<string, Lease>();
  readonly #perHolder = new Map<string, number>();
  /** None of them ends before. */
  #noneBefore = Infinity;

  get size(): number {
    return this.#leases.size;
  }

  /** How many a holder has. */
  of(holder: string): number {
    return this.#perHolder.get(holder) ?? 0;
  }

  /** @returns one that is in force, for who holds it */
  find(name: string, holder: string): Lease | undefined {
    const lease = this.#leases.get(name);
    return lease?.holder === holder ? lease : undefined;
  }

  add(lease: Lease): void {
    this.#leases.set(lease.name, lease);
    this.#perHolder.set(lease.holder, this.of(lease.holder) + 1);
    this.#noneBefore = Math.min(this.#noneBefore, lease.until);
  }

  remove({ name, holder }: Lease): void {
    if (!this.#leases.delete(name)) return;
    const left = this.of(holder) - 1;
    if (left === 0) this.#perHolder.delete(holder);
    else this.#perHolder.set(holder, left);
  }

  /** @returns those that a holder has and does not name */
  others(holder: string, named: ReadonlySet<string>): readonly Lease[] {
    if (this.of(holder) === 0) return [];
    return [...this.#leases.values()].filter((lease) => lease.holder === holder && !named.has(lease.name));
  }

  /** @returns those that have run out */
  ended(now: number): readonly Lease[] {
    if (now < this.#noneBefore) return [];
    const all = [...this.#leases.values()];
    const ended = all.filter(({ until }) => until <= now);
    // Those that have ended are about to be removed; if they are not, they are found again.
    this.#noneBefore = ended.length > 0 ? now : Math.min(Infinity, ...all.map(({ until }) => until));
    return ended;
  }

  /** @returns when the next one ends, or a little before; undefined when there is none */
  nextEnd(): number | undefined {
    return this.#leases.size === 0 ? undefined : this.#noneBefore;
  }
}
