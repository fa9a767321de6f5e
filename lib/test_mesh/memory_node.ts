/**
 * A node in memory, and a program that is attached to one.
 * @module
 */

import type { Logger, Timers } from "../base/mod.ts";
import type { NodeRuntime, NodeRuntimeParts, PeerId, ProgramRuntime } from "../service/mod.ts";
import type { MemoryRights } from "./memory_rights.ts";

/** What a node may be made with. */
export interface MemoryNodeOptions {
  /** Values by key. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Whether it may pause and resume services of others. */
  readonly isLeader?: boolean;
  /** What this node takes the network to allow, in place of what the mesh says: it may run another program. */
  readonly rights?: MemoryRights;
  readonly limits?: NodeRuntimeParts["limits"];
  /** What this node asks of the policy; a node that ignores it has none. */
  readonly policy?: NodeRuntimeParts["policy"];
  readonly compressor?: NodeRuntimeParts["compressor"];
  /** Takes what it says, in place of the mesh's. */
  readonly log?: Logger;
}

/** One node of the mesh. */
export class MemoryNode {
  readonly id: PeerId;
  readonly options: MemoryNodeOptions;
  readonly programs: Map<PeerId, MemoryProgram> = new Map();
  runtime: NodeRuntime;
  isDown = false;
  /** Its links stand, and nothing comes through: all of it is lost. */
  isMute = false;
  /** Counts its lives: what one has left behind does not speak for the next. */
  life = 0;
  readonly #make: (node: MemoryNode) => NodeRuntime;
  /** What fell due while it was frozen; undefined while it is not. */
  #due: (() => void)[] | undefined;

  constructor(id: PeerId, options: MemoryNodeOptions, make: (node: MemoryNode) => NodeRuntime) {
    this.id = id;
    this.options = options;
    this.#make = make;
    this.runtime = make(this);
  }

  /** Whether it stands still: none of its timers fire, and nothing reaches or leaves it. */
  get isFrozen(): boolean {
    return this.#due !== undefined;
  }

  freeze(): void {
    this.#due ??= [];
  }

  /** What fell due meanwhile happens now. */
  thaw(): void {
    const due = this.#due ?? [];
    this.#due = undefined;
    for (const fire of due) fire();
  }

  /** Has something happen when it is frozen no more. */
  whenThawed(what: () => void): void {
    if (this.#due === undefined) what();
    else this.#due.push(what);
  }

  /** @param timers of the mesh @returns those of this node, which stand still with it */
  timersOf(timers: Timers): Timers {
    return {
      setTimer: (delayMs, fire) => {
        let isCanceled = false;
        const run = () => {
          if (isCanceled) return;
          if (this.#due === undefined) fire();
          else this.#due.push(run);
        };
        const cancel = timers.setTimer(delayMs, run);
        return () => {
          isCanceled = true;
          cancel();
        };
      },
    };
  }

  /** The same node, started again. */
  start(): void {
    this.runtime = this.#make(this);
    this.isDown = false;
  }
}

/** A program that is attached to a node. */
export class MemoryProgram {
  readonly id: PeerId;
  readonly node: MemoryNode;
  readonly runtime: ProgramRuntime;
  isGone = false;

  constructor(id: PeerId, node: MemoryNode, make: (program: MemoryProgram) => ProgramRuntime) {
    this.id = id;
    this.node = node;
    this.runtime = make(this);
  }
}
