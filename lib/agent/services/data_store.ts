/**
 * The collections of a node in its state directory, and its part of those that servers keep for several nodes.
 * @module
 */

import type { Clock, Environment } from "../../base/mod.ts";
import {
  DATA_SCHEMA,
  type DataEngine,
  EmbeddedEngine,
  EngineSet,
  JetStreamLog,
  type LogHealth,
  type LogReach,
  parseNatsServer,
  RECORD_VERSION,
  ReplicatedEngine,
} from "../../data/mod.ts";
import type { ServersAccess } from "../data_servers/mod.ts";
import { readClientCertificate, readCredentials } from "./data_access.ts";
import {
  afterSystemTurn,
  type DatabaseFile,
  openDatabase,
  ReplaceableDatabase,
  stateErrorFrom,
} from "../../host/mod.ts";

/** What is said of servers that keep collections. */
export interface DataServers {
  /** As `nats://HOST:PORT`. */
  readonly data: string;
  readonly dataCredentials?: string;
  readonly dataAuthority?: string;
  /** Given with `dataKey`, or not at all. */
  readonly dataCertificate?: string;
  readonly dataKey?: string;
}

/** Where the collections of a node are: of each network in a file of its own, so that none shows those of another. */
export class DataStore {
  readonly #stateDir: string;
  readonly #networkId: string;
  readonly #clock: Clock;
  /** While the node has it open. */
  #open: ReturnType<typeof openDatabase> | undefined;

  #engines: EngineSet | undefined;
  #log: JetStreamLog | undefined;

  /** @param networkId in hexadecimal */
  constructor(stateDir: string, networkId: string, clock: Clock) {
    this.#stateDir = stateDir;
    this.#networkId = networkId;
    this.#clock = clock;
  }

  /** Whether there are collections of an earlier run. */
  exists(): boolean {
    try {
      return Deno.statSync(`${this.#stateDir}/${this.#file("").name}`).size > 0;
    } catch {
      return false;
    }
  }

  /**
   * Copies the collections as they are now, beside where they are: for a while it takes as much room again.
   * @returns the file's name, and what is in it; nothing when there are none
   * @throws StateError
   */
  async copy(): Promise<readonly (readonly [name: string, content: Uint8Array])[]> {
    if (!this.exists()) return [];
    const { name } = this.#file("");
    const path = this.#copyPath;
    this.#removeCopy();
    try {
      // What is written together is committed at the end of a turn, and a copy is made between two.
      const open = this.#open;
      if (open !== undefined) {
        await new Promise<void>((resolve) => afterSystemTurn(resolve));
        open.prepare("VACUUM INTO ?").run(path);
      } else {
        const database = openDatabase(this.#stateDir, this.#file(""));
        try {
          database.prepare("VACUUM INTO ?").run(path);
        } finally {
          database.close();
        }
      }
      return [[name, await Deno.readFile(path)]];
    } catch (cause) {
      throw stateErrorFrom("copy", this.#stateDir, cause);
    } finally {
      this.#removeCopy();
    }
  }

  get #copyPath(): string {
    return `${this.#stateDir}/${this.#file("").name}.copy`;
  }

  /** A process that was killed may have left one. */
  #removeCopy(): void {
    try {
      Deno.removeSync(this.#copyPath);
    } catch {
      // There is none.
    }
  }

  /** @throws StateError */
  open(): EngineSet {
    return this.#engines = new EngineSet(this.#openOwn());
  }

  #openOwn(): DataEngine {
    this.#removeCopy();
    const database = this.#open = openDatabase(this.#stateDir, this.#file(""));
    return new EmbeddedEngine({
      database,
      wall: () => this.#clock.wall(),
      now: () => this.#clock.now(),
      afterTurn: afterSystemTurn,
    });
  }

  /** Opens what servers keep, and what is here beside it. @throws StateError, DataError */
  openShared(servers: DataServers, parts: Environment): EngineSet {
    const { data, dataCredentials, dataAuthority, dataCertificate, dataKey } = servers;
    const server = parseNatsServer(data);
    const shared = this.#openLog({
      server: () => server,
      ...dataCredentials !== undefined && { credentials: () => readCredentials(dataCredentials) },
      ...dataAuthority !== undefined && { caFile: dataAuthority },
      ...dataCertificate !== undefined && dataKey !== undefined && {
        clientCertificate: () => readClientCertificate(dataCertificate, dataKey),
      },
    }, parts);
    return this.#engines = new EngineSet(this.#openOwn(), shared);
  }

  /** Has new collections be kept by these servers from now on, beside what is here already; by none when undefined. */
  async share(access: ServersAccess | undefined, parts: Environment): Promise<void> {
    if (access === undefined) this.#log = undefined;
    await this.#engines?.share(access && this.#openLog(access, parts));
  }

  /** @returns the names of the collections and queues that servers keep; undefined where there are none */
  async kept(): Promise<readonly string[] | undefined> {
    const shared = this.#engines?.hasBoth === true ? this.#engines.side("nats") : undefined;
    if (shared === undefined) return undefined;
    const kept = [...await shared.collections(), ...await shared.queues?.queues() ?? []];
    return kept.map(({ name }) => name).sort();
  }

  /** Moves what was read of servers into another folder, while none are used. */
  async setSharedAside(folder: string): Promise<void> {
    const { name } = this.#file("-shared");
    for (const file of [name, `${name}-wal`, `${name}-shm`]) {
      await Deno.rename(`${this.#stateDir}/${file}`, `${folder}/${file}`).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    }
  }

  /** @returns how the stream's servers are; undefined while they are not reached, or there are none */
  async health(): Promise<LogHealth | undefined> {
    return await this.#log?.health();
  }

  /** Whether the servers are reached; undefined where there are none, or they were not used yet. */
  get reach(): LogReach | undefined {
    return this.#log?.reach;
  }

  #openLog(access: ServersAccess, parts: Environment): DataEngine {
    const commits = this.#log = new JetStreamLog({
      ...parts,
      ...access,
      name: `weft_${this.#networkId}`,
    });
    const copy = new ReplaceableDatabase(this.#stateDir, this.#file("-shared"));
    return new ReplicatedEngine({ ...parts, commits, copy, afterTurn: afterSystemTurn });
  }

  #file(which: "" | "-shared"): DatabaseFile {
    return {
      name: `data${which}-${this.#networkId}.db`,
      // "wftd" and "wfts" in ASCII.
      applicationId: which === "" ? 0x77667464 : 0x77667473,
      schemaVersion: 1,
      // A copy has that of what it has read.
      ...which === "-shared" && { newestVersion: RECORD_VERSION },
      schema: DATA_SCHEMA,
      isCheckedWhole: false,
    };
  }
}
