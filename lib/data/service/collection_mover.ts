/**
 * The moves of a node's collections from one of its engines to the other: one at a time, and those that an earlier run has
 * not ended.
 * @module
 */

import type { Environment } from "../../base/mod.ts";
import { keysCollection } from "../documents.ts";
import type { CollectionSpec, DataEngine, EngineSides } from "../engine.ts";
import { CollectionMove, type MoveProgress } from "../engines/mod.ts";
import { DataError } from "../errors.ts";
import type { EngineName } from "../moves.ts";

/** How long it waits to go on with what an earlier run has not ended, in milliseconds. */
const RESUME_MS = 5_000;
/** How long who asks for a move waits for a refusal of it, in milliseconds. */
const ANSWER_MS = 300;

/** How far the move of a collection is. */
export interface MoveStatus extends MoveProgress {
  /** Where to. */
  readonly to: EngineName;
}

/** Where a collection is, and what became of its move. */
export interface MoveReport {
  readonly engine: EngineName;
  /** Null when it is not on its way. */
  readonly move: MoveStatus | null;
  /** Why its last move has ended before it came to its end; null when it has not. */
  readonly failure: { readonly code: string; readonly message: string } | null;
}

/** What moves stand on. */
export interface MoverParts extends Pick<Environment, "clock" | "timers" | "log"> {
  /** Who moves. */
  readonly self: string;
  /** @throws DataError when it can't be opened */
  readonly engine: () => DataEngine;
  /** @throws DataError of one that this node does not own, or that can't be moved */
  readonly movable: (name: string) => CollectionSpec;
  /** Whether this node owns a collection. */
  readonly has: (name: string) => boolean;
}

interface Running {
  status: MoveStatus;
  readonly abort: AbortController;
  done: Promise<void>;
}

/** Moves collections. */
export class CollectionMover {
  readonly #parts: MoverParts;
  readonly #running = new Map<string, Running>();
  readonly #failures = new Map<string, NonNullable<MoveReport["failure"]>>();
  #count = 0;
  #cancel = () => {};
  #isClosed = false;

  constructor(parts: MoverParts) {
    this.#parts = parts;
  }

  /** Moves a collection, and the keys of a sealed one. @returns how far it is after a moment @throws DataError that refuses it */
  async start(name: string, to: unknown): Promise<MoveReport> {
    const { movable, timers } = this.#parts;
    movable(name);
    if (to !== "embedded" && to !== "nats") {
      throw new DataError("InvalidCollection", `Cannot move ${name}: the engines are embedded and nats`);
    }
    const moved = this.#moveAll(name, to);
    // Who asks how far it is hears of it.
    moved.catch(() => {});
    const begun = Promise.withResolvers<void>();
    const cancel = timers.setTimer(ANSWER_MS, () => begun.resolve());
    await Promise.race([moved, begun.promise]).finally(cancel);
    return await this.report(name);
  }

  /** Has a collection stay where it is. @returns whether it was on its way @throws DataError with code `Conflict` when it is too late */
  async abort(name: string): Promise<boolean> {
    const aborted: boolean[] = [];
    for (const each of this.#all(name)) aborted.push(await this.#abort(each));
    return aborted.includes(true);
  }

  /** Which engine keeps a collection of this node, and how far its move is. @throws DataError */
  async report(name: string): Promise<MoveReport> {
    const all = this.#all(name);
    const of = <T>(map: ReadonlyMap<string, T>) => {
      const found = all.find((each) => map.has(each));
      return found === undefined ? null : map.get(found) ?? null;
    };
    const engine = await this.#parts.engine().sides?.sideOf(name) ?? "embedded";
    return { engine, move: of(this.#running)?.status ?? null, failure: of(this.#failures) };
  }

  /** A collection, behind the keys of one that is sealed: each is whole wherever the other is. */
  #all(name: string): readonly string[] {
    const { seal } = this.#parts.movable(name);
    const keys = keysCollection(name);
    return seal !== undefined && this.#parts.has(keys) ? [keys, name] : [name];
  }

  async #moveAll(name: string, to: EngineName): Promise<void> {
    for (const each of this.#all(name)) await this.#move(each, to);
  }

  /** One that is there stays there. @throws DataError */
  async #move(collection: string, to: EngineName): Promise<void> {
    const sides = this.#sides();
    const running = this.#running.get(collection);
    if (running !== undefined) {
      if (running.status.to === to) return await running.done;
      throw new DataError("Conflict", `${collection} is on its way to ${running.status.to}`);
    }
    sides.side(to);
    if (await sides.sideOf(collection) === to) return;
    await this.#run(sides, collection, to);
  }

  async #abort(collection: string): Promise<boolean> {
    const sides = this.#sides();
    const source = sides.side(await sides.sideOf(collection));
    const leaving = await source.moves?.leaving() ?? [];
    if (!leaving.some((one) => one.collection === collection)) return false;
    await source.moves?.step({ kind: "abort", collection });
    const running = this.#running.get(collection);
    running?.abort.abort(new DataError("Conflict", `The move of ${collection} was aborted`));
    await running?.done.catch(() => {});
    return true;
  }

  /** Goes on with what an earlier run of this node has not ended; tries again until the engines answer. */
  resume(): void {
    this.#cancel();
    if (this.#isClosed) return;
    void this.#resume().catch((error) => {
      if (this.#isClosed) return;
      const { log, timers } = this.#parts;
      log.warn("a move of a collection can't be gone on with yet", { error });
      this.#cancel = timers.setTimer(RESUME_MS, () => this.resume());
    });
  }

  /** Ends moves as a crash does: they are gone on with later. */
  close(): void {
    this.#isClosed = true;
    this.#cancel();
    const stops = new DataError("OwnerAway", "This node stops");
    for (const { abort } of this.#running.values()) abort.abort(stops);
  }

  async #resume(): Promise<void> {
    const { sides } = this.#parts.engine();
    if (sides?.hasBoth !== true) return;
    for (const [from, to] of [["embedded", "nats"], ["nats", "embedded"]] as const) {
      for (const { collection, by } of await sides.side(from).moves?.leaving() ?? []) {
        // What is shared may be moved by another node.
        if (by === this.#parts.self && !this.#running.has(collection)) {
          await this.#run(sides, collection, to);
        }
      }
    }
  }

  #run(sides: EngineSides, collection: string, to: EngineName): Promise<void> {
    const { self, clock, log } = this.#parts;
    const abort = new AbortController();
    const running: Running = {
      abort,
      status: { to, phase: "copying", copied: 0, count: 0 },
      done: Promise.resolve(),
    };
    this.#running.set(collection, running);
    this.#failures.delete(collection);
    const work = async () => {
      const move = new CollectionMove({
        ...{ collection, by: self, id: `${self}-${clock.wall()}-${this.#count++}`, signal: abort.signal },
        source: sides.side(to === "nats" ? "embedded" : "nats"),
        target: sides.side(to),
        pause: (ms, signal) => this.#pause(ms, signal),
        onProgress: (progress) => running.status = { to, ...progress },
        onMoved: () => sides.settle(collection, to),
      });
      await move.run();
      log.info("a collection was moved", { collection, to });
    };
    running.done = work().finally(() => this.#running.delete(collection));
    running.done.catch((error) => {
      if (this.#isClosed) return;
      const code = error instanceof DataError ? error.code : "Failed";
      this.#failures.set(collection, { code, message: String(error?.message ?? error) });
      log.warn("a collection could not be moved", { collection, to, error });
    });
    return running.done;
  }

  #sides(): EngineSides {
    const { sides } = this.#parts.engine();
    if (sides !== undefined) return sides;
    throw new DataError("InvalidCollection", "Cannot move it: this node has one engine only");
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        cancel();
        reject(signal.reason);
      };
      const cancel = this.#parts.timers.setTimer(ms, () => {
        signal.removeEventListener("abort", stop);
        resolve();
      });
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop, { once: true });
    });
  }
}
