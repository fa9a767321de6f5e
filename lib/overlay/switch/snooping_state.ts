/**
 * What a network knows of those that ask who wants which multicast group.
 * @module
 */

import type { Millis } from "../../base/mod.ts";

/** RFC 3376 §8.4: the group membership interval, 2 × 125 s + 10 s. */
export const MEMBER_MS = 260_000;
/** RFC 3376 §8.5: the other querier present interval, 2 × 125 s + 10 s / 2. */
const QUERIER_MS = 255_000;
/** The response interval of a query is 10 s (RFC 3376 §8.3); reports may be lost once. */
const LEARNING_MS = 20_000;

/** A port of the switch, of which only the identity matters here. */
type Port = object;

/** What a network knows of queriers, for IPv4 (0) and IPv6 (1). */
export class SnoopingState {
  readonly #queriedUntil = new Float64Array(2).fill(-Infinity);
  readonly #onFrom = new Float64Array(2);
  readonly #routers = [new Map<Port, Millis>(), new Map<Port, Millis>()];
  readonly #all = [new Map<Port, Millis>(), new Map<Port, Millis>()];

  /** A router asks behind a port. */
  hear(now: Millis, port: Port, family: 0 | 1): void {
    if (now >= (this.#queriedUntil[family] ?? 0)) this.#onFrom[family] = now + LEARNING_MS;
    this.#queriedUntil[family] = now + QUERIER_MS;
    this.#routers[family]?.set(port, now + QUERIER_MS as Millis);
  }

  /** Whether groups are sent to those alone that want them. */
  isOn(now: Millis, family: 0 | 1): boolean {
    return now < (this.#queriedUntil[family] ?? 0) && now >= (this.#onFrom[family] ?? 0);
  }

  /** Gives a port all groups for a while. */
  giveAll(port: Port, family: 0 | 1, until: Millis): void {
    this.#all[family]?.set(port, until);
  }

  /** A port has come: what is wanted behind it is not known yet. */
  welcome(now: Millis, port: Port): void {
    for (const all of this.#all) all.set(port, now + MEMBER_MS as Millis);
  }

  /** Whether a port is given all groups. */
  givesAll(now: Millis, port: Port, family: 0 | 1): boolean {
    return now < (this.#routers[family]?.get(port) ?? -Infinity) ||
      now < (this.#all[family]?.get(port) ?? -Infinity);
  }

  /** Whether a router asks behind a port. */
  isRouter(now: Millis, port: Port, family: 0 | 1): boolean {
    return now < (this.#routers[family]?.get(port) ?? -Infinity);
  }

  /** A port is gone. */
  forget(port: Port): void {
    for (const map of [...this.#routers, ...this.#all]) map.delete(port);
  }
}
