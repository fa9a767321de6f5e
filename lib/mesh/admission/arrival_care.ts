/**
 * Machines that this leader let in and that nobody has seen since: the answer was lost, or the machine never ran. After an
 * hour of this leader's own time they are removed, so that what nobody uses takes no name and no address.
 *
 *     expected/NODE-ID   milliseconds so far, and the version of the statement that came with the request
 *
 * @module
 */

import { type Clock, type Millis, type StateStore, utf8Bytes } from "../../base/mod.ts";
import { type NodeId, parseNodeId } from "../identity/mod.ts";
import type { MemberRecord } from "../records/mod.ts";
import type { Roster } from "../replica/mod.ts";

const EXPECTED = "expected";
/** How long a machine has to come, in milliseconds in which this leader runs. */
export const ARRIVAL_MS = 3_600_000;
/** More than this between two looks is time in which this leader did not run, in milliseconds. */
const MAX_STEP_MS = 30_000;
/** What is counted is written so often, so that a crash forgets no more. */
const KEEP_EVERY_MS = ARRIVAL_MS / 16;
/** How many are removed in one go: each costs a signature. */
const MAX_REMOVALS = 16;
/** How many are expected at once; of more, the first are taken to have come. */
const MAX_EXPECTED = 4_096;

interface Expected {
  ms: number;
  /** What the store has. */
  kept: number;
  /** Of the statement with which it asked; 0 for none. A node that starts makes a greater one. */
  readonly version: number;
}

/** Waits for newcomers. */
export class ArrivalCare {
  readonly #store: StateStore;
  readonly #clock: Clock;
  readonly #roster: Roster;
  readonly #expected = new Map<NodeId, Expected>();
  #lookedAt: Millis | undefined;

  constructor(store: StateStore, options: { readonly clock: Clock; readonly roster: Roster }) {
    this.#store = store;
    this.#clock = options.clock;
    this.#roster = options.roster;
    for (const [key, bytes] of store.entries(EXPECTED)) {
      const nodeId = parseNodeId(key);
      const [ms = NaN, version = NaN] = new TextDecoder().decode(bytes).split(" ").map(Number);
      if (nodeId === undefined || !Number.isSafeInteger(ms) || !Number.isSafeInteger(version)) continue;
      this.#expected.set(nodeId, { ms, kept: ms, version });
    }
  }

  /** A machine was let in that was no member before; once it was seen it is not expected again. */
  expect({ nodeId, version }: MemberRecord): void {
    if (version !== 1 || this.#expected.has(nodeId)) return;
    const expected = { ms: 0, kept: 0, version: this.#roster.get(nodeId)?.statement?.version ?? 0 };
    this.#expected.set(nodeId, expected);
    this.#keep(nodeId, expected);
    const [first] = this.#expected.keys();
    if (this.#expected.size > MAX_EXPECTED && first !== undefined) this.#forget(first);
  }

  /**
   * Counts the time since the last look, for those who have not come; to be called every few seconds.
   * @param isHere whether a member can be reached
   * @returns who has not come in time, at most 16; the caller removes them
   */
  look(isHere: (nodeId: NodeId) => boolean): MemberRecord[] {
    const now = this.#clock.now();
    const stepMs = Math.min(MAX_STEP_MS, now - (this.#lookedAt ?? now));
    this.#lookedAt = now;
    const due: MemberRecord[] = [];
    for (const [nodeId, expected] of this.#expected) {
      const member = this.#roster.get(nodeId);
      if (member === undefined || this.#hasCome(nodeId, expected, isHere)) {
        this.#forget(nodeId);
        continue;
      }
      expected.ms += stepMs;
      if (expected.ms >= ARRIVAL_MS) { if (due.length < MAX_REMOVALS) due.push(member.record); }
      else if (expected.ms - expected.kept >= KEEP_EVERY_MS) this.#keep(nodeId, expected);
    }
    return due;
  }

  /** Another member may have seen it: what a node says of itself reaches everybody. */
  #hasCome(nodeId: NodeId, { version }: Expected, isHere: (nodeId: NodeId) => boolean): boolean {
    if (isHere(nodeId)) return true;
    const { record, statement } = this.#roster.get(nodeId) ?? {};
    // Who leads was asked, and has answered.
    return (statement?.version ?? 0) > version || record?.roles.includes("leader") === true;
  }

  #keep(nodeId: NodeId, expected: Expected): void {
    this.#store.put(EXPECTED, nodeId, utf8Bytes(`${Math.round(expected.ms)} ${expected.version}`));
    expected.kept = expected.ms;
  }

  #forget(nodeId: NodeId): void {
    this.#expected.delete(nodeId);
    this.#store.delete(EXPECTED, nodeId);
  }
}
