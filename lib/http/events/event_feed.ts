/**
 * The changes of one agent's document, numbered, and their readers.
 * @module
 */

import type { AgentControl } from "../../api/mod.ts";
import { type Clock, encodeHex, randomBytes, type RandomSource, type Timers } from "../../base/mod.ts";
import { type DocumentChange, LiveDocument } from "./live_document.ts";

/** How often it is looked, and in a large mesh, whose report takes longer to make. */
const LOOK_MS = 1_000;
const LARGE_LOOK_MS = 2_000;
const LARGE_ENTRIES = 1_000;
/** A stream says something at least so often, so that both ends know whether the other is there. */
const BEAT_MS = 10_000;
/** What is kept for those who come back: so many changes, of so many characters together. */
const MAX_CHANGES = 120;
const MAX_KEPT_LENGTH = 1 << 20;
/** How many streams one source may have, and all together. */
const MAX_PER_SOURCE = 16;
const MAX_STREAMS = 64;

/** Who is asked, and by what time. */
export interface EventFeedOptions {
  readonly control: AgentControl;
  readonly clock: Pick<Clock, "now" | "wall">;
  readonly timers: Timers;
  readonly random: RandomSource;
  /** Is told that it could not be looked; the next look tries again. */
  onFailure?(error: unknown): void;
}

interface KeptChange {
  readonly number: number;
  /** A whole event. */
  readonly text: string;
}

/** The next text for one reader. */
export interface EventStream {
  /** Waits for something to say; undefined at the end. */
  next(): Promise<string | undefined>;
  /** Harmless when repeated. */
  end(): void;
}

/** Looks while it has readers. */
export class EventFeed {
  readonly #options: EventFeedOptions;
  /** Numbers of another run mean nothing to this one. */
  readonly #run: string;
  readonly #readers = new Map<Reader, string>();
  readonly #kept: KeptChange[] = [];
  #document: LiveDocument;
  #keptLength = 0;
  #last = 0;
  #snapshot: KeptChange | undefined;
  #looking: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #lookedAt = -Infinity;
  /** Whether the document is whole. */
  #isReady = false;

  constructor(options: EventFeedOptions) {
    this.#options = options;
    this.#document = new LiveDocument(options.control);
    this.#run = encodeHex(randomBytes(options.random, 6));
  }

  /** How many streams there are. */
  get streams(): number {
    return this.#readers.size;
  }

  /**
   * @param source who reads
   * @param after the id of the last event that it has, if it has one
   * @returns what to send it, or why it is sent nothing
   */
  open(source: string, after?: string): EventStream | "source-has-too-many" | "too-many" {
    const ofSource = this.#readers.values().reduce((sum, each) => sum + Number(each === source), 0);
    if (ofSource >= MAX_PER_SOURCE) return "source-has-too-many";
    if (this.#readers.size >= MAX_STREAMS) return "too-many";
    const reader = new Reader(this, this.#numberOf(after));
    this.#readers.set(reader, source);
    this.#look();
    return reader;
  }

  /** Ends all streams. */
  close(): void {
    for (const reader of [...this.#readers.keys()]) reader.end();
  }

  /** @returns what a reader lacks that has all up to `number`, and up to where it then has all */
  lackingAfter(number: number | undefined): KeptChange | undefined {
    // What has never been looked at has no snapshot.
    if (!this.#isReady) return undefined;
    const first = this.#kept[0]?.number ?? this.#last + 1;
    if (number === undefined || number < first - 1) return this.#snapshot ??= this.#makeSnapshot();
    const lacking = this.#kept.filter((change) => change.number > number);
    return lacking.length === 0
      ? undefined
      : { number: this.#last, text: lacking.map(({ text }) => text).join("") };
  }

  /** @returns a function that cancels the call after `BEAT_MS` */
  beatAfter(call: () => void): () => void {
    return this.#options.timers.setTimer(BEAT_MS, call);
  }

  /** A reader is gone. */
  forget(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#snapshot = undefined;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #numberOf(id: string | undefined): number | undefined {
    const [run, number = ""] = (id ?? "").split("-");
    if (run !== this.#run || !/^\d{1,15}$/.test(number)) return undefined;
    return Number(number) <= this.#last ? Number(number) : undefined;
  }

  /** Looks at once when that was long ago, else when it is time. */
  #look(): void {
    if (this.#looking !== undefined || this.#cancelTimer !== undefined) return;
    const { clock, timers } = this.#options;
    const size = [...this.#document.entries].length;
    const everyMs = size > LARGE_ENTRIES ? LARGE_LOOK_MS : LOOK_MS;
    const waitMs = this.#lookedAt + everyMs - clock.now();
    if (waitMs <= 0) return void (this.#looking = this.#lookNow());
    this.#cancelTimer = timers.setTimer(waitMs, () => {
      this.#cancelTimer = undefined;
      this.#looking = this.#lookNow();
    });
  }

  async #lookNow(): Promise<void> {
    const { clock, onFailure } = this.#options;
    this.#lookedAt = clock.now();
    try {
      const change = await this.#document.look(clock.now(), clock.wall());
      if (change.set.length > 0 || change.gone.length > 0 || !this.#isReady) this.#keep(change);
      this.#isReady = true;
    } catch (error) {
      // What was read half has no change that says so: everybody begins anew.
      this.#document = new LiveDocument(this.#options.control);
      this.#kept.length = this.#keptLength = 0;
      this.#isReady = false;
      this.#last++;
      this.#snapshot = undefined;
      onFailure?.(error);
    } finally {
      this.#looking = undefined;
    }
    for (const reader of this.#readers.keys()) reader.wake();
    if (this.#readers.size > 0) this.#look();
  }

  #keep(change: DocumentChange): void {
    const number = ++this.#last;
    this.#snapshot = undefined;
    const set = change.set.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(",");
    const data = `{"at":${this.#at()},"set":{${set}},"gone":${JSON.stringify(change.gone)}}`;
    const kept = { number, text: this.#event("change", number, data) };
    this.#kept.push(kept);
    this.#keptLength += kept.text.length;
    while (this.#kept.length > MAX_CHANGES || this.#keptLength > MAX_KEPT_LENGTH) {
      this.#keptLength -= this.#kept.shift()?.text.length ?? 0;
    }
  }

  #makeSnapshot(): KeptChange {
    const entries = [...this.#document.entries].map(([key, json]) => `${JSON.stringify(key)}:${json}`);
    const data = `{"at":${this.#at()},"entries":{${entries.join(",")}}}`;
    return { number: this.#last, text: this.#event("snapshot", this.#last, data) };
  }

  #at(): number {
    return Math.round(this.#options.clock.wall());
  }

  /** JSON has no line breaks, so that the data is one line. */
  #event(name: string, number: number, data: string): string {
    return `id: ${this.#run}-${number}\nevent: ${name}\ndata: ${data}\n\n`;
  }
}

/** One reader: what it has, and nothing of what it lacks, which is made when it asks. */
class Reader implements EventStream {
  readonly #feed: EventFeed;
  #has: number | undefined;
  #wake: (() => void) | undefined;
  #isEnded = false;

  constructor(feed: EventFeed, has: number | undefined) {
    this.#feed = feed;
    this.#has = has;
  }

  async next(): Promise<string | undefined> {
    let isBeat = false;
    const cancel = this.#feed.beatAfter(() => {
      isBeat = true;
      this.wake();
    });
    try {
      while (!this.#isEnded) {
        const lacking = this.#feed.lackingAfter(this.#has);
        if (lacking !== undefined) {
          this.#has = lacking.number;
          return lacking.text;
        }
        if (isBeat) return ": nothing new\n\n";
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await promise;
      }
      return undefined;
    } finally {
      cancel();
    }
  }

  /** There may be something to say. */
  wake(): void {
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.wake();
    this.#feed.forget(this);
  }
}
