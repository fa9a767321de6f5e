/**
 * The counters of all actions, on both sides.
 * @module
 */

import { ActionCounters } from "./action_counters.ts";
import { EventCounters } from "./event_counters.ts";
import { CALL_FAILURE_CODES } from "../errors.ts";

/** So many actions have counters of their own on each side; the first that are called. */
export const MAX_COUNTED_ACTIONS = 128;
/** In place of the path of what has none. */
export const OTHER_ACTIONS = "";

const isKnown = (code: string) => CALL_FAILURE_CODES.has(code);

/** The counters of one side, by the path of the action. */
export class CallCounters {
  readonly #actions = new Map<string, ActionCounters>();
  readonly #now: () => number;

  /** @param now in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param path `service/action` @returns its counters, or those of all others */
  find(path: string): ActionCounters {
    return this.#actions.get(path) ?? this.#others();
  }

  /** @param path `service/action`, of one that is known to be offered @returns its counters from now on, while there is room */
  of(path: string): ActionCounters {
    const known = this.#actions.get(path);
    if (known !== undefined) return known;
    // Those of all others take no room.
    if (this.#actions.size - Number(this.#actions.has(OTHER_ACTIONS)) >= MAX_COUNTED_ACTIONS) {
      return this.#others();
    }
    return this.#add(path);
  }

  /** Whether an action has counters of its own. */
  has(path: string): boolean {
    return this.#actions.has(path);
  }

  /** All that were used, by path; `OTHER_ACTIONS` has the others. */
  entries(): Iterable<[path: string, counters: ActionCounters]> {
    return this.#actions.entries();
  }

  #others(): ActionCounters {
    return this.#actions.get(OTHER_ACTIONS) ?? this.#add(OTHER_ACTIONS);
  }

  #add(path: string): ActionCounters {
    const added = new ActionCounters(this.#now(), isKnown);
    this.#actions.set(path, added);
    return added;
  }
}

/** The counters of one node or program. */
export class CallStats {
  readonly events: EventCounters = new EventCounters();
  /** Of what its programs call, here and elsewhere. */
  readonly caller: CallCounters;
  /** Of what it serves, and its programs do, whoever calls. */
  readonly provider: CallCounters;

  /** @param now in milliseconds, by the clock that all calls of it go by */
  constructor(now: () => number) {
    this.caller = new CallCounters(now);
    this.provider = new CallCounters(now);
  }
}
