/**
 * How a node leaves its network. Each step is written down before the next, so that a process that ends meanwhile leaves
 * nothing half done.
 *
 *     asked ──► a leader has revoked this node ──► left ──► stopped, and what it knew of the network is put away
 *       ├───── none has heard it: it stays, unless forced ─┘
 *       └───── one may have: it stays, and has left when that comes out
 *
 * @module
 */

import { type Logger, type StateStore, type Timers, WeftError, withTimeout } from "../base/mod.ts";
import type { AgentOptions } from "../config/mod.ts";
import { forgetNetwork, type MeshState } from "../mesh/mod.ts";
import { InvalidRequestError, UnconfirmedError } from "./errors.ts";
import type { LeaderActs } from "./leaders/mod.ts";

/** How long an ephemeral node that stops waits at most until a leader knows. */
const LAST_WAIT_MS = 3_000;

/** Who leaves. */
export interface DepartureParts {
  readonly mesh: MeshState;
  readonly log: Logger;
  readonly timers: Timers;
  readonly options: Pick<AgentOptions, "ephemeral">;
}

/** One node's leaving, which happens once. */
export class Departure {
  readonly #mesh: MeshState;
  readonly #log: Logger;
  readonly #timers: Timers;
  readonly #options: DepartureParts["options"];
  #isUnderWay = false;
  #isDone = false;

  constructor({ mesh, log, timers, options }: DepartureParts) {
    this.#options = options;
    this.#mesh = mesh;
    this.#log = log;
    this.#timers = timers;
  }

  /** Whether it is on its way out, so that its own revocation is no surprise. */
  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** Whether it is no member any more by its own wish. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Whether it leaves when it stops: an ephemeral node does, by its options and by its record; leaders lead on. */
  get isDueAtEnd(): boolean {
    const { role, record } = this.#mesh;
    return this.#options.ephemeral !== "off" && record.ephemeralMs !== undefined && role !== "leader";
  }

  /**
   * May be asked again when it has failed, and comes to the same.
   * @param isForced whether it leaves when no leader knows, too
   * @returns whether a leader knows
   * @throws UnreachableError when no leader answers, InvalidRequestError when this node is the last leader
   */
  async leave(leaders: Pick<LeaderActs, "leave">, isForced: boolean): Promise<boolean> {
    if (this.#isUnderWay) throw new InvalidRequestError("Cannot leave: this node is about to already");
    this.#isUnderWay = true;
    try {
      this.#mesh.leaving = "asked";
      return this.#finishLeaving(await this.#tellLeaders(leaders, isForced));
    } catch (error) {
      this.#isUnderWay = false;
      throw error;
    }
  }

  async #tellLeaders(leaders: Pick<LeaderActs, "leave">, isForced: boolean): Promise<boolean> {
    try {
      await leaders.leave();
      return true;
    } catch (error) {
      if (isForced && error instanceof WeftError) {
        this.#log.warn("no leader knows that this node leaves", { error });
        return false;
      }
      // That a leader has heard it may still come out, and then this node has left.
      if (!(error instanceof UnconfirmedError)) this.#mesh.leaving = undefined;
      throw error;
    }
  }

  #finishLeaving(isKnown: boolean): boolean {
    this.#mesh.leaving = "left";
    this.#isDone = true;
    this.#log.info("this node leaves its network", { isKnown });
    return isKnown;
  }

  /**
   * Lets a node leave that stops anyway, when that is due, whether a leader hears of it in time or not.
   * @param leaders undefined when it has not started
   */
  async leaveAtEnd(leaders: Pick<LeaderActs, "leave"> | undefined): Promise<void> {
    if (leaders === undefined || this.#isUnderWay || !this.isDueAtEnd) return;
    await withTimeout(this.#timers, LAST_WAIT_MS, this.leave(leaders, true).catch(() => false));
    if (this.#isDone) return;
    try {
      // What it knows of the network is put away all the same.
      this.#mesh.leaving = "left";
    } catch (error) {
      // It stops all the same: what it has changed of the host has to be undone.
      this.#log.warn("cannot put away what this node knows of its network", { error });
    }
  }

  /** A node that has asked and did not hear the answer learns from its revocation that it has left. */
  handleRemoval(): void {
    if (this.#mesh.leaving === "asked") this.#mesh.leaving = "left";
  }

  /** The last thing that is done with the store. A network that never ran is forgotten, too. */
  finish(store: StateStore): void {
    if (this.#mesh.leaving === "left" || this.#mesh.isUnstarted) forgetNetwork(store);
  }
}
