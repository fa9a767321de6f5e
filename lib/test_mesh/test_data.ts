/**
 * The collections and queues of a mesh in memory: each node has a database of its own, which outlives its crashes.
 * @module
 */

import { SeededRandom } from "../base/mod.ts";
import {
  DATA_SCHEMA,
  DataClient,
  type DataEngine,
  DataHost,
  EmbeddedEngine,
  type SqlDatabase,
} from "../data/mod.ts";
import { NO_POLICY, type ServiceRuntime } from "../service/mod.ts";
import type { MemoryMesh } from "./memory_mesh.ts";
import type { MemoryNode } from "./memory_node.ts";
import { rightsOf } from "./memory_rights.ts";

/** What nodes of a mesh own, and how programs of them have it. */
export class TestData implements Disposable {
  readonly #mesh: MemoryMesh;
  readonly #databases = new Map<MemoryNode, SqlDatabase>();
  readonly #hosts = new Map<MemoryNode, DataHost>();
  #programs = 0;

  constructor(mesh: MemoryMesh) {
    this.#mesh = mesh;
  }

  /** Lets a node own collections and queues, in this life of it: what it had in the one before it has again. */
  start(node: MemoryNode): void {
    const { id, options } = node;
    const { clock, timers, rights } = this.#mesh;
    const peers = {
      ...rightsOf(id, () => options.rights ?? rights),
      self: id,
      nameOf: (peer: typeof id) => peer,
    };
    const host = new DataHost({
      ...{ runtime: node.runtime, peers, clock, timers: node.timersOf(timers) },
      policy: options.policy ?? NO_POLICY,
      log: options.log ?? this.#mesh.log,
      hasState: () => this.#databases.has(node),
      openEngine: () => this.#engineOf(node),
    });
    this.#hosts.set(node, host);
    host.start();
  }

  /** Closes what a node has, as when it stops. */
  async stop(node: MemoryNode): Promise<void> {
    await this.#hosts.get(node)?.close();
  }

  /** @returns collections and queues as a program has them @param runtime what it calls by, in whichever life */
  clientOf(runtime: () => ServiceRuntime): DataClient {
    const { clock, timers } = this.#mesh;
    return new DataClient({
      request: (path, params, options) => runtime().request(path, params, options),
      ...{ clock, timers, random: new SeededRandom(++this.#programs) },
    });
  }

  /** Forgets everything. */
  [Symbol.dispose](): void {
    for (const database of this.#databases.values()) database.close();
    this.#databases.clear();
  }

  #engineOf(node: MemoryNode): DataEngine {
    const { clock } = this.#mesh;
    let database = this.#databases.get(node);
    if (database === undefined) {
      database = openMemoryDatabase();
      this.#databases.set(node, database);
    }
    const { life } = node;
    return new EmbeddedEngine({
      database: withoutClose(database),
      wall: () => clock.wall(),
      now: () => clock.now(),
      // What a life would still do that has ended does not happen.
      afterTurn: (fire) => queueMicrotask(() => node.life === life && fire()),
    });
  }
}

/** @throws TypeError where the runtime has no SQLite */
function openMemoryDatabase(): SqlDatabase {
  // Loaded when a test first needs it: most don't.
  const sqlite = globalThis.process?.getBuiltinModule?.("node:sqlite");
  if (sqlite === undefined) {
    throw new TypeError("This runtime has no node:sqlite, which collections are kept in");
  }
  const database: SqlDatabase = new sqlite.DatabaseSync(":memory:");
  database.exec(DATA_SCHEMA);
  return database;
}

/** @returns the database for one life of its node, whose end does not close it */
function withoutClose(database: SqlDatabase): SqlDatabase {
  return {
    exec: (sql) => database.exec(sql),
    prepare: (sql) => database.prepare(sql),
    function: (name, options, call) => database.function(name, options, call),
    get isTransaction() {
      return database.isTransaction;
    },
    close: () => {},
  };
}
