/**
 * A node whose collection moves from one engine to the other, for tests.
 * @module
 */

import assert from "node:assert/strict";
import { silentLogger, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { settle } from "../../test_mesh/mod.ts";
import type { DataEngine, Write } from "../engine.ts";
import { CollectionMove, EngineSet } from "../engines/mod.ts";
import type { EmbeddedEngine } from "../embedded/mod.ts";
import type { EngineName, MoveStep, MoveStore } from "../moves.ts";
import { CollectionMover } from "../service/collection_mover.ts";
import { openMemory, openSample } from "./embedded_sample.ts";
import { MemoryCopy, MemoryLog, type MemoryLogClient, openReplica } from "./memory_log.ts";

/** When virtual time begins, in milliseconds since 1970. */
export const START_MS = 1_700_000_000_000;

/** A node has ended in the middle of a move. */
export class MoveCrash extends Error {}

/** A node with both engines, and another one that shares the log, under virtual time. It moves the collection `items`. */
export class MovingNodes implements AsyncDisposable {
  readonly clock: VirtualClock = new VirtualClock();
  readonly timers: VirtualTimers = new VirtualTimers(this.clock);
  readonly log: MemoryLog = new MemoryLog(this.clock);
  commits: MemoryLogClient;
  readonly #folder = Deno.makeTempDirSync({ prefix: "weft-move-" });
  readonly #openOwn: () => EmbeddedEngine;
  own: EmbeddedEngine;
  shared: DataEngine;
  readonly other: DataEngine;
  set: EngineSet;
  #moves = 0;

  /** @param isOnDisk whether the node's own database outlives `restart` @param maxBytes how much that may hold */
  constructor(
    { isOnDisk = false, maxBytes }: { readonly isOnDisk?: boolean; readonly maxBytes?: number } = {},
  ) {
    Deno.mkdirSync(`${this.#folder}/other`);
    const parts = {
      wall: () => START_MS + this.clock.now(),
      now: () => this.clock.now(),
      ...maxBytes !== undefined && { maxBytes },
    };
    this.#openOwn = isOnDisk ? () => openSample(`${this.#folder}/own.db`, parts) : openMemory(parts);
    this.own = this.#openOwn();
    this.commits = this.log.connect(this.timers);
    this.shared = this.#replica();
    this.other = openReplica(this.log.connect(this.timers), this.timers, { clock: this.clock });
    this.set = new EngineSet(this.own, this.shared);
  }

  #replica(): DataEngine {
    return openReplica(this.commits, this.timers, { copy: new MemoryCopy(this.#folder), clock: this.clock });
  }

  /** As after kill -9: what the engines have not written is gone. */
  reopen(): void {
    this.own = this.#openOwn();
    this.set = new EngineSet(this.own, this.shared);
  }

  /** Passes time until work has come to its end. */
  async until<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    work.finally(() => isDone = true).catch(() => {});
    for (let steps = 0; !isDone && steps < 100_000; steps++) {
      await settle();
      this.timers.advance(5);
    }
    assert.ok(isDone, "it takes too long");
    return await work;
  }

  /** Ends them as an agent that stops does, and opens them again. */
  async restart(): Promise<void> {
    await this.until(this.set.close());
    this.commits = this.log.connect(this.timers);
    this.shared = this.#replica();
    this.reopen();
  }

  /** @returns what moves collections of this node @param seal of the collection `items` */
  mover(seal?: string): CollectionMover {
    const { clock, timers, set } = this;
    const has = (name: string) => name === "items" || seal !== undefined;
    return new CollectionMover({
      ...{ clock, timers, log: silentLogger, self: "a", has },
      engine: () => set,
      movable: (name) => ({
        ...{ name, key: "id", index: [] },
        ...seal !== undefined && name === "items" && { seal },
      }),
    });
  }

  /** By virtual time. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.timers.setTimer(ms, resolve));
  }

  /** @param crashAt ends with the step of this number: even before it is done, odd after that */
  move(to: EngineName, { crashAt = Infinity, before = async () => {}, signal }: {
    readonly crashAt?: number;
    readonly before?: (step: MoveStep) => Promise<void>;
    readonly signal?: AbortSignal;
  } = {}): Promise<void> {
    const set = this.set;
    let steps = 0;
    const crashing = (engine: DataEngine): DataEngine =>
      new Proxy(engine, {
        get: (target, name) => {
          const value = Reflect.get(target, name);
          if (name !== "moves") return typeof value === "function" ? value.bind(target) : value;
          const moves = value as MoveStore;
          return {
            leaving: () => moves.leaving(),
            entering: () => moves.entering(),
            spec: (collection) => moves.spec(collection),
            commits: (collection, after) => moves.commits(collection, after),
            step: async (step) => {
              if (steps >= crashAt) throw new MoveCrash();
              await before(step);
              steps += 2;
              if (crashAt === steps - 2) throw new MoveCrash();
              await moves.step(step);
              if (crashAt === steps - 1) throw new MoveCrash();
            },
          } satisfies MoveStore;
        },
      });
    return new CollectionMove({
      ...{ collection: "items", by: "a", id: `a-${this.#moves++}`, to },
      signal: signal ?? new AbortController().signal,
      stopping: new AbortController().signal,
      source: crashing(to === "nats" ? this.own : this.shared),
      target: crashing(to === "nats" ? this.shared : this.own),
      pause: (ms) => this.sleep(ms),
      onProgress: () => {},
      onMoved: () => set.settle("items", to),
    }).run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.until(Promise.all([this.set.close(), this.other.close()]));
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** @returns a write of the entry `id` of `items` */
export function writeItem(id: string, n: number, ifRevision?: number): Write & { readonly kind: "put" } {
  const write = { kind: "put", collection: "items", value: { id, n } } as const;
  return ifRevision === undefined ? write : { ...write, ifRevision };
}
