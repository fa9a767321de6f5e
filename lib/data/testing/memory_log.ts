/**
 * A log in memory that several engines share, with the troubles that servers have.
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { type Clock, concatBytes, SeededRandom, silentLogger, type Timers } from "../../base/mod.ts";
import { DATA_SCHEMA, type SqlDatabase } from "../embedded/mod.ts";
import { DataError } from "../errors.ts";
import type { CommitLog, LogMessage, LogReader, LogSnapshot } from "../replicated/commit_log.ts";
import { type CopyFile, ReplicatedEngine, type ReplicatedParts } from "../replicated/mod.ts";

interface MemorySnapshot extends Omit<LogSnapshot, "chunks"> {
  readonly bytes: Uint8Array;
}

/** What all who share it see. */
export class MemoryLog {
  identity = "one";
  first = 1;
  readonly #messages: LogMessage[] = [];
  readonly #ids = new Map<string, number>();
  readonly #clients = new Set<MemoryLogClient>();
  readonly #maxMessageBytes: number;
  readonly #wall: () => number;
  #snapshot: MemorySnapshot | undefined;

  /** @param clock by which messages are appended */
  constructor(clock: Pick<Clock, "wall">, maxMessageBytes: number = 1 << 20) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#wall = () => clock.wall();
  }

  get last(): number {
    return this.#messages.length;
  }

  /** @returns one more that appends and reads */
  connect(timers: Timers): MemoryLogClient {
    const client = new MemoryLogClient(
      this,
      timers,
      this.#maxMessageBytes,
      () => this.#clients.delete(client),
    );
    this.#clients.add(client);
    return client;
  }

  append(id: string, bytes: Uint8Array): number {
    const there = this.#ids.get(id);
    if (there !== undefined) return there;
    this.#messages.push({ sequence: this.last + 1, at: this.#wall(), bytes });
    this.#ids.set(id, this.last);
    for (const client of [...this.#clients]) client.readSoon();
    return this.last;
  }

  after(sequence: number, limit: number): readonly LogMessage[] {
    return this.#messages.slice(sequence, sequence + limit);
  }

  get snapshot(): MemorySnapshot | undefined {
    return this.#snapshot;
  }

  keep(snapshot: MemorySnapshot, keepFrom: number): void {
    if ((this.#snapshot?.replayFrom ?? 0) > snapshot.replayFrom) return;
    this.#snapshot = snapshot;
    this.first = Math.max(this.first, Math.min(keepFrom, this.last + 1));
  }

  /** Forgets the last messages, as a server may that did not write them. */
  lose(count: number): void {
    this.#messages.length -= count;
  }
}

/** One of those who share a log. */
export class MemoryLogClient implements CommitLog {
  readonly maxMessageBytes: number;
  readonly #log: MemoryLog;
  readonly #timers: Timers;
  readonly #forget: () => void;
  #reader: LogReader | undefined;
  #position: number | undefined;
  #isReading = false;
  #isAway = false;
  #isClosed = false;
  #cancel = () => {};
  #opening: Promise<void> = Promise.resolve();
  #reading: Promise<void> = Promise.resolve();
  /** How long an append and a question take to arrive, and their answers to come back, in milliseconds. */
  delayMs = 0;
  /** Whether answers get lost. */
  isDeaf = false;
  /** Whether the servers have as much as they may hold. */
  isFull = false;

  constructor(log: MemoryLog, timers: Timers, maxMessageBytes: number, forget: () => void) {
    this.#log = log;
    this.#timers = timers;
    this.maxMessageBytes = maxMessageBytes;
    this.#forget = forget;
  }

  start(reader: LogReader): void {
    this.#reader = reader;
    this.#openSoon();
  }

  /** Cuts this one off, or lets it back. */
  set isAway(isAway: boolean) {
    if (this.#isAway === isAway) return;
    this.#isAway = isAway;
    this.#position = undefined;
    if (isAway) this.#reader?.handleAway();
    else this.#openSoon();
  }

  async append(id: string, bytes: Uint8Array): Promise<number> {
    if (this.#isAway) throw new DataError("OwnerAway", "The log is away");
    await this.#pass();
    if (this.#isAway) throw new DataError("OutcomeUnknown", "The log went away");
    if (this.isFull) throw new DataError("DiskFull", "The log is full");
    const sequence = this.#log.append(id, bytes);
    await this.#pass();
    if (this.#isAway || this.isDeaf) throw new DataError("OutcomeUnknown", "The log went away");
    return sequence;
  }

  async last(): Promise<number> {
    await this.#pass();
    if (this.#isAway) throw new DataError("OwnerAway", "The log is away");
    const { last } = this.#log;
    await this.#pass();
    return last;
  }

  snapshot(): Promise<LogSnapshot | undefined> {
    const { snapshot } = this.#log;
    if (snapshot === undefined) return Promise.resolve(undefined);
    const { bytes, ...rest } = snapshot;
    return Promise.resolve({
      ...rest,
      chunks: (async function* () {
        yield await Promise.resolve(bytes);
      })(),
    });
  }

  async storeSnapshot({ chunks, ...rest }: LogSnapshot, keepFrom: number): Promise<void> {
    this.#log.keep({ ...rest, bytes: concatBytes(...await Array.fromAsync(chunks)) }, keepFrom);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    this.#forget();
    await this.#opening;
    await this.#reading;
  }

  /** Hands on what was appended, in a later turn. */
  readSoon(): void {
    if (this.#isReading || this.#position === undefined) return;
    this.#isReading = true;
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    while (this.#position !== undefined && !this.#isClosed) {
      await this.#pass();
      const from: number | undefined = this.#position;
      if (from === undefined) break;
      const messages = this.#log.after(from, 10);
      if (messages.length === 0) break;
      const isTaken = await this.#reader?.handleMessages(messages);
      if (this.#position !== from) continue;
      if (!isTaken) {
        this.#position = undefined;
        this.#reader?.handleAway();
        this.#openLater();
        break;
      }
      this.#position = from + messages.length;
    }
    this.#isReading = false;
  }

  async #open(): Promise<void> {
    const { identity, first, last } = this.#log;
    const position = await this.#reader?.handleOpened({ identity, first, last });
    if (this.#isClosed || this.#isAway) return;
    if (position === undefined) return this.#openLater();
    this.#position = position;
    this.readSoon();
  }

  #openLater(): void {
    if (!this.#isClosed) this.#cancel = this.#timers.setTimer(1_000, () => this.#openSoon());
  }

  /** One after the other. */
  #openSoon(): void {
    this.#opening = this.#opening.then(() => this.#isClosed ? undefined : this.#open());
  }

  #pass(): Promise<void> {
    if (this.delayMs === 0) return Promise.resolve();
    return new Promise((resolve) => this.#timers.setTimer(this.delayMs, resolve));
  }
}

/** A copy in memory, which is there again when it is opened again. */
export class MemoryCopy implements CopyFile {
  readonly #path: string;
  #database: DatabaseSync | undefined;

  /** @param folder where it is kept; in memory, once, without one */
  constructor(folder?: string) {
    this.#path = folder === undefined ? ":memory:" : `${folder}/copy.db`;
  }

  open(): SqlDatabase {
    const database = new DatabaseSync(this.#path);
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
    const isThere = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'collections'").get();
    if (isThere === undefined) database.exec(DATA_SCHEMA);
    return this.#database = database;
  }

  async replace(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const parts = await Array.fromAsync(chunks);
    // In one turn, so that virtual time does not pass by the disk's.
    Deno.writeFileSync(`${this.#path}.new`, concatBytes(...parts));
    Deno.renameSync(`${this.#path}.new`, this.#path);
  }

  async *image(): AsyncGenerator<Uint8Array> {
    const path = Deno.makeTempFileSync({ prefix: "weft-image-" });
    Deno.removeSync(path);
    this.#database?.exec(`VACUUM INTO '${path}'`);
    const bytes = Deno.readFileSync(path);
    Deno.removeSync(path);
    yield await Promise.resolve(bytes);
  }
}

/** @returns an engine on a log in memory */
export function openReplica(
  commits: CommitLog,
  timers: Timers,
  parts: Partial<ReplicatedParts> & Pick<ReplicatedParts, "clock">,
): ReplicatedEngine {
  return new ReplicatedEngine({
    ...{ commits, timers, log: silentLogger, random: new SeededRandom(Math.floor(Math.random() * 2 ** 31)) },
    copy: new MemoryCopy(),
    afterTurn: (fire) => queueMicrotask(fire),
    ...parts,
  });
}
