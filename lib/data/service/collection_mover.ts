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

/** Moves collections. A sealed one has its keys in one of its own, which goes before it. */
export class CollectionMover {
  readonly #parts: MoverParts;
  /** By the name of what somebody has asked for. */
  readonly #running = new Map<string, Running>();
  readonly #failures = new Map<string, NonNullable<MoveReport["failure"]>>();
  readonly #closing = new AbortController();
  #count = 0;
  #cancel = () => {};

  constructor(parts: MoverParts) {
    this.#parts = parts;
  }

  /** Moves a collection, and the keys of a sealed one. @returns how far it is after a moment @throws DataError that refuses it */
  async start(name: string, to: unknown): Promise<MoveReport> {
    const { movable, has, timers } = this.#parts;
    const { seal } = movable(name);
    if (to !== "embedded" && to !== "nats") {
      throw new DataError("InvalidCollection", `Cannot move ${name}: the engines are embedded and nats`);
    }
    const keys = keysCollection(name);
    const moved = this.#run(seal !== undefined && has(keys) ? [keys, name] : [name], name, to);
    // Who asks how far it is hears of it.
    moved.catch(() => {});
    const begun = Promise.withResolvers<void>();
    const cancel = timers.setTimer(ANSWER_MS, () => begun.resolve());
    await Promise.race([moved, begun.promise]).finally(cancel);
    return await this.report(name);
  }

  /** Has a collection stay where it is. @returns whether it was on its way @throws DataError with code `Conflict` when it is too late */
  async abort(name: string): Promise<boolean> {
    this.#parts.movable(name);
    const sides = this.#sides();
    const running = this.#running.get(name);
    const side = running === undefined ? await sides.sideOf(name) : otherEngine(running.status.to);
    const { moves } = sides.side(side);
    const leaving = await moves?.leaving() ?? [];
    const isLeaving = leaving.some(({ collection }) => collection === name);
    if (isLeaving) await moves?.step({ kind: "abort", collection: name });
    if (running === undefined) return isLeaving;
    running.abort.abort(new DataError("Conflict", `The move of ${name} was aborted`));
    return await running.done.then(() => false, () => true);
  }

  /** Which engine keeps a collection of this node, and how far its move is. @throws DataError */
  async report(name: string): Promise<MoveReport> {
    this.#parts.movable(name);
    const engine = await this.#parts.engine().sides?.sideOf(name) ?? "embedded";
    const failure = this.#failures.get(name) ?? null;
    return { engine, move: this.#running.get(name)?.status ?? null, failure };
  }

  /** Goes on with what an earlier run of this node has not ended; tries again until the engines answer. */
  resume(): void {
    this.#cancel();
    const { signal } = this.#closing;
    if (signal.aborted) return;
    void this.#resume().catch((error) => {
      if (signal.aborted) return;
      const { log, timers } = this.#parts;
      log.warn("a move of a collection can't be gone on with yet", { error });
      this.#cancel = timers.setTimer(RESUME_MS, () => this.resume());
    });
  }

  /** Ends moves as a crash does: they are gone on with later. */
  close(): void {
    this.#cancel();
    this.#closing.abort(new DataError("OwnerAway", "This node stops"));
  }

  async #resume(): Promise<void> {
    const { sides } = this.#parts.engine();
    if (sides?.hasBoth !== true) return;
    for (const to of ["nats", "embedded"] as const) {
      const { moves } = sides.side(otherEngine(to));
      const leaving = await moves?.leaving() ?? [];
      // What is shared may be moved by another node.
      const own = leaving.filter(({ by }) => by === this.#parts.self).map(({ collection }) => collection);
      const keys = new Set(own.map(keysCollection));
      for (const name of own) {
        // Keys go with what they are of.
        if (keys.has(name) || this.#running.has(name)) continue;
        const { seal } = await moves?.spec(name) ?? {};
        const hasKeys = seal !== undefined && await hasCollection(sides, keysCollection(name));
        await this.#run(hasKeys ? [keysCollection(name), name] : [name], name, to);
      }
      await this.#discardLeft(sides, to, leaving.map(({ collection }) => collection));
    }
  }

  /** Where there was no room, there may have been none to note that a copy does not come. */
  async #discardLeft(sides: EngineSides, side: EngineName, leaving: readonly string[]): Promise<void> {
    const { moves } = sides.side(side);
    for (const { collection, id } of await moves?.entering() ?? []) {
      if (!id.startsWith(`${this.#parts.self}-`) || leaving.includes(collection)) continue;
      if (this.#running.has(collection)) continue;
      await moves?.step({ kind: "discard", collection, id });
    }
  }

  /** @param all in their order, `name` the last of them @throws DataError; then all of them are where they were */
  #run(all: readonly string[], name: string, to: EngineName): Promise<void> {
    const there = this.#running.get(name);
    if (there !== undefined) {
      if (there.status.to === to) return there.done;
      throw new DataError("Conflict", `${name} is on its way to ${there.status.to}`);
    }
    const sides = this.#sides();
    sides.side(to);
    const running: Running = {
      abort: new AbortController(),
      status: { to, phase: "copying", copied: 0, count: 0 },
      done: Promise.resolve(),
    };
    this.#running.set(name, running);
    this.#failures.delete(name);
    running.done = this.#moveAll(sides, all, name, running).finally(() => this.#running.delete(name));
    running.done.catch((error) => {
      if (this.#closing.signal.aborted) return;
      const code = error instanceof DataError ? error.code : "Failed";
      this.#failures.set(name, { code, message: String(error?.message ?? error) });
      this.#parts.log.warn("a collection could not be moved", { collection: name, to, error });
    });
    return running.done;
  }

  async #moveAll(
    sides: EngineSides,
    all: readonly string[],
    name: string,
    running: Running,
  ): Promise<void> {
    const { to } = running.status;
    const { signal } = running.abort;
    const moved: string[] = [];
    try {
      const id = this.#nextId();
      if (all.length > 1) await this.#note(sides, name, to, id);
      for (const collection of all) {
        signal.throwIfAborted();
        const own = collection === name ? id : this.#nextId();
        if (await this.#move(sides, collection, own, running, { to, signal })) moved.push(collection);
      }
    } catch (error) {
      if (!this.#closing.signal.aborted) await this.#takeBack(sides, moved, name, running);
      throw error;
    }
  }

  /** It is to leave, behind its keys: what an earlier run has left is known by that. */
  async #note(sides: EngineSides, name: string, to: EngineName, id: string): Promise<void> {
    if (await sides.sideOf(name) === to) return;
    const { moves } = sides.side(otherEngine(to));
    const noted = (await moves?.leaving() ?? []).find(({ collection }) => collection === name);
    if (noted?.state === "decided") return;
    if (noted !== undefined) await moves?.step({ kind: "abort", collection: name });
    await moves?.step({ kind: "begin", collection: name, id, by: this.#parts.self });
  }

  /** What was moved already goes back, where that can be. */
  async #takeBack(
    sides: EngineSides,
    moved: readonly string[],
    name: string,
    running: Running,
  ): Promise<void> {
    const from = otherEngine(running.status.to);
    try {
      await sides.side(from).moves?.step({ kind: "abort", collection: name });
      for (const collection of moved) {
        const { signal } = this.#closing;
        await this.#move(sides, collection, this.#nextId(), running, { to: from, signal });
      }
    } catch (error) {
      this.#parts.log.warn("what went before a collection is still elsewhere", { collection: name, error });
    }
  }

  /** One that is there stays there. @returns whether it was moved @throws DataError */
  async #move(
    sides: EngineSides,
    collection: string,
    id: string,
    running: Running,
    { to, signal }: { readonly to: EngineName; readonly signal: AbortSignal },
  ): Promise<boolean> {
    const { self, log } = this.#parts;
    const [source, target] = [sides.side(otherEngine(to)), sides.side(to)];
    const other = this.#running.get(collection);
    if (other !== undefined && other !== running) {
      throw new DataError("Conflict", `${collection} is on its way to ${other.status.to}`);
    }
    if (await sides.sideOf(collection) === to) {
      const leaving = await source.moves?.leaving().catch(() => []) ?? [];
      if (!leaving.some((one) => one.collection === collection)) return false;
    }
    const move = new CollectionMove({
      ...{ collection, by: self, id, source, target, to, signal },
      stopping: this.#closing.signal,
      pause: (ms, signal) => this.#pause(ms, signal),
      onProgress: (progress) => running.status = { to: running.status.to, ...progress },
      onMoved: () => sides.settle(collection, to),
    });
    await move.run();
    log.info("a collection was moved", { collection, to });
    return true;
  }

  #nextId(): string {
    return `${this.#parts.self}-${this.#parts.clock.wall()}-${this.#count++}`;
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

function otherEngine(engine: EngineName): EngineName {
  return engine === "nats" ? "embedded" : "nats";
}

async function hasCollection(sides: EngineSides, name: string): Promise<boolean> {
  try {
    await sides.sideOf(name);
    return true;
  } catch (error) {
    if (error instanceof DataError && error.code === "UnknownCollection") return false;
    throw error;
  }
}
